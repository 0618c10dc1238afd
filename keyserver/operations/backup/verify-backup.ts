import type { TokenContext } from '../../../shared/crypto/token-row.ts';
import type { Keyring } from '../../keys/keyring.ts';
import type { DocumentRow } from '../../store/store.ts';
import type { Progress } from '../bulk/progress.ts';
import type { BackupHeader } from './backup-line.ts';
import { type BackupSource, checkedLines, otherKeyring } from './checked-lines.ts';
import { Lookalikes } from './lookalikes.ts';
import { OpenedRows } from './opened-rows.ts';

export interface VerifiedBackup extends Pick<BackupHeader, 'createdAt'> {
  readonly documents: readonly DocumentRow[];
  readonly tokens: number;
  /** Number of tokens that nobody can use: they do not open, or several have one name. */
  readonly brokenTokens: number;
  /** Names that several tokens have, none of which is ever released. */
  readonly repeated: ReadonlySet<string>;
  readonly lookalikes: Lookalikes;
  readonly hasToken: (name: TokenContext) => boolean;
  /** The last one, which tells another file. */
  readonly mac: string;
}

/**
 * Checks that a backup is complete and as it was written, and that the keyring is the one that it needs.
 * @throws OperationError input_invalid for another file, integrity_failed for another keyring or a changed file
 */
export async function verifyBackup(
  keyring: Keyring,
  source: BackupSource,
  progress: Progress = () => {},
): Promise<VerifiedBackup> {
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
  const { tokens, brokenTokens, repeated } = rows;
  const hasToken = (name: TokenContext) => rows.hasToken(name);
  return { createdAt, documents, tokens, brokenTokens, repeated, lookalikes, hasToken, mac };
}
