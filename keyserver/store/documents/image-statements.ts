import { chunks } from '../sql-lists.ts';
import { type Dialect, type Outcome, query, repeat, type SqlCoroutine } from '../statements.ts';
import type { DocumentName, DocumentRow, Snapshot } from '../store.ts';
import { imageNames, images, insertRows, lockedRows, maxRowsAtOnce } from './document-tables.ts';

/** Stores the before-images that `edit` makes of those stored for each name; only what differs is written. */
export function* replaceImages<N extends DocumentName>(
  sql: Pick<Dialect, 'forUpdate'>,
  names: readonly N[],
  edit: (name: N, images: readonly DocumentRow[]) => readonly DocumentRow[],
): SqlCoroutine<void> {
  const found = yield* lockedRows(sql, 'document_images', names);
  const stored = found.map((rows) => rows.filter(({ revision }) => !Number.isNaN(revision)));
  const next = names.map((name, at) => edit(name, stored[at] ?? []));
  const kept = new Set(next.flat());
  const dropped = stored.flat().filter((row) => !kept.has(row));
  yield* repeat(
    'DELETE FROM document_images WHERE kind = ? AND id = ? AND revision = ?',
    dropped.map(({ kind, id, revision }) => [kind, id, revision]),
  );
  const known = new Set(stored.flat());
  yield* insertRows(
    'document_images',
    [...kept].filter((row) => !known.has(row)),
  );
}

export function imageReads(read: <T>(steps: () => SqlCoroutine<T>) => Promise<T>) {
  return {
    imageNames: (of) => read(() => imageNames(of)),
    async *images(names) {
      for (const some of chunks(names, maxRowsAtOnce, ({ size }) => size))
        yield* await read(() => images(some));
    },
  } satisfies Partial<Snapshot>;
}

export function* editImages(
  sql: Dialect,
  name: DocumentName,
  edit: (images: readonly DocumentRow[]) => readonly DocumentRow[],
): SqlCoroutine<Outcome<void>> {
  // Waits for changes, which begin with this row.
  yield* query(`SELECT seq FROM change_counter WHERE id = 1${sql.forUpdate}`);
  yield* replaceImages(sql, [name], (_, images) => edit(images));
  return { changed: true, value: undefined };
}
