import { sealDocument } from '../../at-rest/document-row.ts';
import type { Keyring } from '../../keys/keyring.ts';
import type {
  DocumentEdit,
  DocumentKind,
  DocumentRow,
  ImagesEdit,
  TokenRow,
} from '../../store/store.ts';
import { nameKey } from '../../store/token-statements.ts';
import type { Progress } from '../bulk/progress.ts';
import { putRows } from '../bulk/put-rows.ts';
import type { OperationContext } from '../context.ts';
import { keepImages } from '../documents.ts';
import { beginHistory } from '../history.ts';
import {
  type BackupSource,
  backupTokens,
  type VerifiedBackup,
  verifyBackup,
} from './checked-lines.ts';
import { checkOnlyOurs, checkUndisturbed, isOurs, isSame } from './only-ours.ts';
import { openedDocument } from './opened-rows.ts';

const batchRows = 1000;
const batchChars = 4_194_304;

interface RestoreOptions {
  /** Puts the backup's rows over those stored, and leaves others; otherwise the database must have none. */
  readonly merge?: boolean;
  readonly progress?: Progress;
}

/**
 * Restores a backup, which is verified before anything is written. One that was interrupted goes on: a database that has
 * nothing but rows of this backup counts as empty. Tokens come first, then a new history of changes, then the documents,
 * so that nobody may call before all is there. Resolves to numbers of rows: the broken ones do not open or share a name.
 * @throws OperationError as {@link verifyBackup}; input_invalid for a database with other rows, or a table that cannot
 * hold one; changed_meanwhile if the backup changes, or somebody else writes to the database
 */
export async function restore(
  context: OperationContext,
  source: BackupSource,
  { merge = false, progress = () => {} }: RestoreOptions = {},
) {
  const backup = await verifyBackup(context.keyring, source, progress);
  const { documents, rows: verified, createdAt } = backup;
  const readBatches = () => batches(context.keyring, source, backup);
  if (!merge) await checkOnlyOurs(context, readBatches, documents);
  if (merge) await addStored(context, backup);
  await backup.lookalikes.check(context.store, readBatches());
  let done = 0;
  for await (const rows of readBatches()) {
    await putRows(context.store, { rows, isSame: merge ? isSame : isOurs, announce: false });
    done += rows.length;
    progress('restored', done, verified.tokens);
  }
  if (!merge) await checkUndisturbed(context, documents, done);
  await beginHistory(context);
  const restored = await putDocuments(context, documents);
  if (!merge) await checkUndisturbed(context, documents, done);
  const broken =
    verified.brokenTokens + documents.length - restored + (await brokenOthers(context, documents));
  return { createdAt, documents: restored, tokens: done, broken };
}

/** Notes the rows that stay beside those of the backup. */
async function addStored(
  { store }: OperationContext,
  { lookalikes, rows }: VerifiedBackup,
): Promise<void> {
  for await (const row of store.listTokens()) if (!rows.hasToken(row)) lookalikes.addStored(row);
}

/** Without rows that share a name: none of them is released, and one alone would be. */
async function* batches(
  keyring: Keyring,
  source: BackupSource,
  { mac, rows: { repeated } }: VerifiedBackup,
): AsyncGenerator<TokenRow[]> {
  let batch: TokenRow[] = [];
  let chars = 0;
  for await (const row of backupTokens(keyring, source, mac)) {
    if (repeated.size > 0 && repeated.has(nameKey(row))) continue;
    batch.push(row);
    chars += row.token.length;
    if (batch.length < batchRows && chars < batchChars) continue;
    yield batch;
    batch = [];
    chars = 0;
  }
  if (batch.length > 0) yield batch;
}

async function brokenOthers(
  { store, keyring }: OperationContext,
  documents: readonly DocumentRow[],
): Promise<number> {
  const ours = new Set(documents.map(({ kind, id }) => `${kind} ${id}`));
  const others = (await store.documents()).filter(({ kind, id }) => !ours.has(`${kind} ${id}`));
  return others.filter((row) => openedDocument(keyring, row) === undefined).length;
}

/** Under the new history's numbers and the primary key. Apps come last: none may call before types and proxies hold. */
async function putDocuments(
  context: OperationContext,
  documents: readonly DocumentRow[],
): Promise<number> {
  const { store, keyring } = context;
  const opened = documents.flatMap((row) => {
    const found = openedDocument(keyring, row);
    return found === undefined ? [] : [{ id: row.id, ...found }];
  });
  const keep = keepImages(context);
  // To undo what the backup was made of would be to delete it.
  const images: ImagesEdit = (change, kept) =>
    change.before === undefined && kept.length === 0 ? [] : keep(change, kept);
  for (const wanted of ['type', 'proxy', 'app'] as const) {
    for (const { kind, id, content } of opened.filter(({ kind }) => kind === wanted)) {
      const seal: DocumentEdit = (_, revision) =>
        sealDocument<DocumentKind>(keyring, kind, id, revision, content);
      await store.editDocument(kind, id, seal, images);
    }
  }
  return opened.length;
}
