import { BackupMac } from '../../../shared/crypto/backup-mac.ts';
import type { Progress } from '../bulk/progress.ts';
import { sealedLine } from '../bulk/sealed-line.ts';
import { isoTime, type OperationContext } from '../context.ts';
import { backupLine } from './backup-line.ts';
import { OpenedRows } from './opened-rows.ts';

/**
 * Writes all documents and tokens of one moment, as they lie: sealed, without keys, and with a MAC under the primary key.
 * Resolves to numbers of rows; the broken ones do not open now, and are in the backup all the same.
 * @param write takes the next text of the backup
 */
export async function backUp(
  { store, keyring, clock }: OperationContext,
  write: (text: string) => Promise<void>,
  progress: Progress = () => {},
) {
  const mac = new BackupMac(keyring.primary('backups'));
  const add = async (line: string) => {
    mac.update(line);
    await write(line);
  };
  const rows = new OpenedRows(keyring);
  await store.snapshot(async ({ position, documents, listTokens }) => {
    const createdAt = isoTime(clock.now());
    await add(backupLine({ backup: 'skb1', createdAt, kid: keyring.primaryKid, ...position }));
    await add(backupLine({ mac: mac.mac() }));
    for (const row of await documents()) {
      rows.addDocument(row);
      await add(backupLine(row));
    }
    for await (const row of listTokens()) {
      rows.addToken(row);
      await add(sealedLine(row));
      progress('backed up', rows.tokens);
    }
  });
  const { documents, tokens, kids, brokenDocuments, brokenTokens } = rows;
  await add(backupLine({ documents, tokens, kids: [...kids] }));
  await write(backupLine({ mac: mac.mac() }));
  return { documents, tokens, broken: brokenDocuments + brokenTokens };
}
