import type { Keyring } from '../../keys/keyring.ts';
import type { DocumentRow } from '../../store/store.ts';
import type { Progress } from '../bulk/progress.ts';
import { type BackupSource, checkedLines, otherKeyring } from './checked-lines.ts';
import { Lookalikes } from './lookalikes.ts';
import { OpenedRows } from './opened-rows.ts';

export type VerifiedBackup = Awaited<ReturnType<typeof verifyBackup>>;

/**
 * Checks that a backup is complete and as it was written, and that the keyring is the one that it needs. Resolves to
 * what it has but for its tokens; its last MAC tells another file.
 * @throws OperationError input_invalid for another file, integrity_failed for another keyring or a changed file
 */
export async function verifyBackup(
  keyring: Keyring,
  source: BackupSource,
  progress: Progress = () => {},
) {
  const rows = new OpenedRows(keyring);
  const lookalikes = new Lookalikes();
  const documents: DocumentRow[] = [];
  let createdAt = '';
  let kids: readonly string[] = [];
  let mac = '';
  for await (const line of checkedLines(keyring, source)) {
    if ('token' in line) {
      rows.addToken(line.token);
      lookalikes.add(line.token, rows.tokens);
      progress('verified', rows.tokens);
    } else if ('document' in line) {
      documents.push(line.document);
      rows.addDocument(line.document);
    } else if ('header' in line) createdAt = line.header.createdAt;
    else if ('footer' in line) kids = line.footer.kids;
    else mac = line.mac;
  }
  const lacking = kids.find((kid) => !rows.kids.has(kid));
  if (lacking !== undefined) {
    throw otherKeyring(
      `the keyring lacks the key ${lacking}, or has another of this name`,
      lacking,
    );
  }
  return { createdAt, documents, rows, lookalikes, mac };
}
