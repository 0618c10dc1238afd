import { isDeepStrictEqual } from 'node:util';
import { sealDocument } from '../../at-rest/document-row.ts';
import type { DocumentKind, DocumentRow, PutTokens, TokenRow } from '../../store/store.ts';
import type { Progress } from '../bulk/progress.ts';
import type { OperationContext } from '../context.ts';
import { beginHistory } from '../history.ts';
import { inputInvalid } from '../operation-error.ts';
import { openedDocument } from './opened-rows.ts';
import { type BackupSource, backupTokens, verifyBackup } from './verify-backup.ts';

const batchRows = 1000;
const batchChars = 4_194_304;

export interface RestoreOptions {
  /** Puts the backup's rows over those stored, and leaves others; otherwise the database must have none. */
  readonly merge?: boolean;
  readonly progress?: Progress;
}

export interface RestoreResult {
  readonly createdAt: string;
  readonly documents: number;
  readonly tokens: number;
  /** Number of documents that did not open, and were left out. */
  readonly broken: number;
}

/**
 * Restores a backup, which is verified before anything is written. One that was interrupted goes on: a database that has
 * nothing but rows of this backup counts as empty. Tokens come first, then a new history of changes, then the documents,
 * so that nobody may call before all is there.
 * @throws OperationError as {@link verifyBackup}; input_invalid for a database with other rows
 */
export async function restore(
  context: OperationContext,
  source: BackupSource,
  { merge = false, progress = () => {} }: RestoreOptions = {},
): Promise<RestoreResult> {
  const { documents, tokens, createdAt } = await verifyBackup(context.keyring, source, progress);
  if (!merge) await checkOnlyOurs(context, source, documents);
  let done = 0;
  for await (const rows of batches(source)) {
    await context.store.putTokens({ rows, isSame, announce: false });
    done += rows.length;
    progress('restored', done, tokens);
  }
  const { broken: brokenBefore } = await beginHistory(context);
  const restored = await putDocuments(context, documents);
  const broken = documents.length - restored + (merge ? brokenBefore : 0);
  return { createdAt, documents: restored, tokens, broken };
}

const isSame: PutTokens['isSame'] = (stored, row) => stored.token === row.token;

async function* batches(source: BackupSource): AsyncGenerator<TokenRow[]> {
  let batch = new Map<string, TokenRow>();
  let chars = 0;
  for await (const row of backupTokens(source)) {
    // A table without a key can have several rows of a name, none of which is released.
    batch.set(JSON.stringify([row.clientId, row.tokenType]), row);
    chars += row.token.length;
    if (batch.size < batchRows && chars < batchChars) continue;
    yield [...batch.values()];
    batch = new Map();
    chars = 0;
  }
  if (batch.size > 0) yield [...batch.values()];
}

async function checkOnlyOurs(
  { store, keyring }: OperationContext,
  source: BackupSource,
  documents: readonly DocumentRow[],
): Promise<void> {
  const ours = new Map(
    documents.map((row) => [`${row.kind} ${row.id}`, openedDocument(keyring, row)]),
  );
  for (const row of await store.documents()) {
    const stored = openedDocument(keyring, row);
    const own = ours.get(`${row.kind} ${row.id}`);
    if (stored === undefined || !isDeepStrictEqual(stored, own)) throw otherRows();
  }
  let others = 0;
  for await (const _ of store.listTokens()) others += 1;
  if (others === 0) return;
  for await (const rows of batches(source)) {
    const compared = await store.putTokens({ rows, isSame, announce: false, dryRun: true });
    if (compared.replaced > 0) throw otherRows();
    others -= compared.unchanged;
  }
  if (others > 0) throw otherRows();
}

function otherRows() {
  return inputInvalid('the database has rows that are not of this backup', {
    do: 'restore_elsewhere',
  });
}

/** Under the new history's numbers and the primary key. Apps come last: none may call before types and proxies hold. */
async function putDocuments(
  { store, keyring }: OperationContext,
  documents: readonly DocumentRow[],
): Promise<number> {
  const opened = documents.flatMap((row) => {
    const found = openedDocument(keyring, row);
    return found === undefined ? [] : [{ id: row.id, ...found }];
  });
  for (const wanted of ['type', 'proxy', 'app'] as const) {
    for (const { kind, id, content } of opened.filter(({ kind }) => kind === wanted)) {
      await store.editDocument(kind, id, (_, revision) =>
        sealDocument<DocumentKind>(keyring, kind, id, revision, content),
      );
    }
  }
  return opened.length;
}
