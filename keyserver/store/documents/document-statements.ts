import {
  type Dialect,
  nextSeqs,
  type Outcome,
  recordChanges,
  type SqlCoroutine,
} from '../statements.ts';
import type {
  DocumentEdit,
  DocumentName,
  DocumentRow,
  DocumentsEdit,
  ImagesEdit,
} from '../store.ts';
import { deleteRows, insertRows, lockedRows } from './document-tables.ts';
import { replaceImages } from './image-statements.ts';

export function* editDocument(
  sql: Dialect,
  name: DocumentName,
  edit: DocumentEdit,
  images: ImagesEdit | undefined,
): SqlCoroutine<Outcome<DocumentRow | undefined>> {
  const edits: DocumentsEdit = ([current], [revision]) => [edit(current, revision as number)];
  const { changed, value } = yield* editDocuments(sql, [name], edits, images);
  return { changed, value: value[0] };
}

export function* editDocuments(
  sql: Dialect,
  names: readonly DocumentName[],
  edit: DocumentsEdit,
  images: ImagesEdit | undefined,
): SqlCoroutine<Outcome<readonly (DocumentRow | undefined)[]>> {
  const revisions = yield* nextSeqs(names.length);
  const newest = (yield* lockedRows(sql, 'documents', names)).map((rows) => rows[0]);
  const next = edit(newest, revisions);
  const written = next.filter((row) => row !== undefined);
  const stored = names.filter((_, at) => newest[at] !== undefined);
  if (written.length === 0 && stored.length === 0) return { changed: false, value: next };
  for (const [at, row] of next.entries()) {
    const { kind, id } = names[at] as DocumentName;
    if (!row || (row.kind === kind && row.id === id && row.revision === revisions[at])) continue;
    throw new TypeError('An edit must keep kind and id and carry the given revision');
  }
  yield* deleteRows('documents', stored);
  yield* insertRows('documents', written);
  if (images !== undefined) {
    const changes = names.map((name, at) => ({
      ...name,
      ...{ before: newest[at], after: next[at], revision: revisions[at] as number },
    }));
    yield* replaceImages(sql, changes, images);
  }
  yield* recordChanges(names.map((name, at) => ({ ...name, seq: revisions[at] as number })));
  return { changed: true, value: next };
}
