import { BackupMac } from '../../../shared/crypto/backup-mac.ts';
import { OpenError } from '../../../shared/crypto/open-error.ts';
import type { Keyring } from '../../keys/keyring.ts';
import type { DocumentRow, TokenRow } from '../../store/store.ts';
import { readLines } from '../bulk/lines.ts';
import type { Progress } from '../bulk/progress.ts';
import { inputInvalid, OperationError } from '../operation-error.ts';
import { type BackupLine, maxBackupLineBytes, parseBackupLine } from './backup-line.ts';
import { Lookalikes } from './lookalikes.ts';
import { OpenedRows } from './opened-rows.ts';

/** Gives the bytes of a backup, as often as it is asked. */
export type BackupSource = () => AsyncIterable<Uint8Array>;

const lineFeed = '\n';

/**
 * The lines of a backup; the end is reached only if it is complete and as it was written.
 * @throws OperationError input_invalid for another file, integrity_failed for another key or a changed file
 */
async function* checkedLines(keyring: Keyring, source: BackupSource): AsyncGenerator<BackupLine> {
  const lines = readLines(source(), maxBackupLineBytes);
  const { value: first } = await lines.next();
  const header = parseBackupLine(first?.bytes);
  if (header === undefined || !('header' in header)) {
    throw inputInvalid('the file is no backup', 'name one that the backup command wrote');
  }
  const { kid } = header.header;
  const key = keyring.lookup('backups')(kid);
  if (key === undefined) throw otherKeyring(`the keyring lacks the key ${kid}`, kid);
  const mac = new BackupMac(key);
  let hasFooter = false;
  let isComplete = false;
  mac.update(first?.bytes ?? '');
  mac.update(lineFeed);
  yield header;
  for await (const { number, bytes } of lines) {
    const line = isComplete ? undefined : parseBackupLine(bytes);
    if (line === undefined || 'header' in line) throw altered();
    const isFirst = number === 2;
    if ('mac' in line) {
      if (!isFirst && !hasFooter) throw altered();
      check(
        mac,
        line.mac,
        isFirst ? () => otherKeyring(`the key ${kid} is another one`, kid) : altered,
      );
      isComplete = !isFirst;
    } else if (isFirst || hasFooter) throw altered();
    else hasFooter = 'footer' in line;
    mac.update(bytes ?? '');
    mac.update(lineFeed);
    yield line;
  }
  if (!isComplete) throw altered();
}

/**
 * The tokens of a backup that was verified, whose last MAC is `mac`.
 * @throws OperationError changed_meanwhile if the file is another one now
 */
export async function* backupTokens(
  keyring: Keyring,
  source: BackupSource,
  mac: string,
): AsyncGenerator<TokenRow> {
  let last: string | undefined;
  try {
    for await (const line of checkedLines(keyring, source)) {
      if ('token' in line) yield line.token;
      else if ('mac' in line) last = line.mac;
    }
  } catch (error) {
    if (error instanceof OperationError && error.code === 'integrity_failed') throw changed();
    throw error;
  }
  if (last !== mac) throw changed();
}

function check(mac: BackupMac, given: string, fault: () => OperationError): void {
  try {
    mac.check(given);
  } catch (error) {
    throw error instanceof OpenError ? fault() : error;
  }
}

/** The current primary key stays, since running KeyServers refuse documents of a retired one. */
function otherKeyring(why: string, kid: string): OperationError {
  return new OperationError(
    'integrity_failed',
    `the backup was made with another keyring: ${why}`,
    `nothing was changed: bring ${kid}.key of that time (see retired/) into KEYRING_DIR here and on every KeyServer, keep primary as it is, and rewrap afterwards; if it is there, the file was altered`,
  );
}

function altered(): OperationError {
  return new OperationError(
    'integrity_failed',
    'the backup was changed since it was written: it is truncated or altered',
    'nothing was changed: take another backup',
  );
}

function changed(): OperationError {
  return new OperationError(
    'changed_meanwhile',
    'the backup was changed while it was restored',
    'some tokens may be stored, and no document: restore a file that nobody writes to, into an empty database',
  );
}

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
