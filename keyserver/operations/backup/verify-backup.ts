import { BackupMac } from '../../../shared/crypto/backup-mac.ts';
import { OpenError } from '../../../shared/crypto/open-error.ts';
import type { Keyring } from '../../keys/keyring.ts';
import type { DocumentRow, TokenRow } from '../../store/store.ts';
import { readLines } from '../bulk/lines.ts';
import type { Progress } from '../bulk/progress.ts';
import { inputInvalid, OperationError } from '../operation-error.ts';
import { type BackupHeader, maxBackupLineBytes, parseBackupLine } from './backup-line.ts';
import { OpenedRows } from './opened-rows.ts';

/** Gives the bytes of a backup, as often as it is asked. */
export type BackupSource = () => AsyncIterable<Uint8Array>;

export interface VerifiedBackup extends Pick<BackupHeader, 'createdAt'> {
  readonly documents: readonly DocumentRow[];
  readonly tokens: number;
}

const lineFeed = '\n';

/**
 * Checks that a backup is complete and as it was written, and that the keyring is the one that it needs.
 * @throws OperationError input_invalid for another file, integrity_failed for another keyring or a changed file
 */
export async function verifyBackup(
  keyring: Keyring,
  source: BackupSource,
  progress: Progress = () => {},
): Promise<VerifiedBackup> {
  const lines = readLines(source(), maxBackupLineBytes);
  const { value: first } = await lines.next();
  const header = parseBackupLine(first?.bytes);
  if (header === undefined || !('header' in header)) {
    throw inputInvalid('the file is no backup', 'name one that the backup command wrote');
  }
  const { kid, createdAt } = header.header;
  const key = keyring.lookup('backups')(kid);
  if (key === undefined) throw otherKeyring(`the keyring lacks the key ${kid}`);
  const mac = new BackupMac(key);
  const rows = new OpenedRows(keyring);
  const documents: DocumentRow[] = [];
  let footer: { readonly kids: readonly string[] } | undefined;
  let isComplete = false;
  mac.update(first?.bytes ?? '');
  mac.update(lineFeed);
  for await (const { number, bytes } of lines) {
    const line = isComplete ? undefined : parseBackupLine(bytes);
    if (line === undefined || 'header' in line) throw altered();
    if ('mac' in line) {
      const isFirst = number === 2;
      if (!isFirst && footer === undefined) throw altered();
      check(mac, line.mac, isFirst ? () => otherKeyring(`the key ${kid} is another one`) : altered);
      isComplete = !isFirst;
    } else if (number === 2 || footer !== undefined) throw altered();
    else if ('footer' in line) footer = line.footer;
    else if ('document' in line) {
      documents.push(line.document);
      rows.addDocument(line.document);
    } else {
      rows.addToken(line.token);
      progress('verified', rows.tokens);
    }
    mac.update(bytes ?? '');
    mac.update(lineFeed);
  }
  if (!isComplete || footer === undefined) throw altered();
  for (const needed of footer.kids) {
    if (!rows.kids.has(needed))
      throw otherKeyring(`the keyring lacks the key ${needed}, or has another of this name`);
  }
  return { createdAt, documents, tokens: rows.tokens };
}

function check(mac: BackupMac, given: string, fault: () => OperationError): void {
  try {
    mac.check(given);
  } catch (error) {
    throw error instanceof OpenError ? fault() : error;
  }
}

function otherKeyring(why: string): OperationError {
  return new OperationError(
    'integrity_failed',
    `the backup was made with another keyring: ${why}`,
    'nothing was changed: set KEYRING_DIR to the keyring of that time; if it is, the file was altered',
  );
}

function altered(): OperationError {
  return new OperationError(
    'integrity_failed',
    'the backup is not as it was written: it is cut off, or somebody altered it',
    'nothing was changed: take another backup',
  );
}

/** The tokens of a verified backup. Each opens only if it is as it was sealed, should the file change meanwhile. */
export async function* backupTokens(source: BackupSource): AsyncGenerator<TokenRow> {
  for await (const { bytes } of readLines(source(), maxBackupLineBytes)) {
    const line = parseBackupLine(bytes);
    if (line !== undefined && 'token' in line) yield line.token;
  }
}
