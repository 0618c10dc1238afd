import { isKid } from '../../../shared/crypto/kid.ts';
import { integer, text } from '../rows.ts';
import type { Dialect, Outcome, SqlCoroutine } from '../statements.ts';
import type { DocumentName, DocumentRow, Snapshot, Store } from '../store.ts';
import type { WalkedStore } from '../table-walk.ts';
import { chunks, imageNames, images, insertRows, lockedRows } from './document-tables.ts';

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
  if (dropped.length > 0) {
    yield {
      sql: 'DELETE FROM document_images WHERE kind = ? AND id = ? AND revision = ?',
      params: [],
      sets: dropped.map(({ kind, id, revision }) => [kind, id, revision]),
    };
  }
  const known = new Set(stored.flat());
  yield* insertRows(
    'document_images',
    [...kept].filter((row) => !known.has(row)),
  );
}

/** The part of a snapshot that has before-images. */
export function imageReads(read: <T>(steps: () => SqlCoroutine<T>) => Promise<T>) {
  return {
    imageNames: (of) => read(() => imageNames(of)),
    async *images(names) {
      for (const some of chunks(names, ({ size }) => size)) yield* await read(() => images(some));
    },
  } satisfies Partial<Snapshot>;
}

/** The part of both stores that has before-images. */
export function imageAccess({
  dialect,
  read,
  change,
}: Pick<WalkedStore, 'dialect' | 'read' | 'change'>) {
  return {
    imageNames: () => read(() => imageNames(undefined)),
    editImages: (name, edit) => change(() => editImages(dialect, name, edit)),
    imageKids: () => read(imageKids),
  } satisfies Partial<Store>;
}

function* editImages(
  sql: Dialect,
  name: DocumentName,
  edit: (images: readonly DocumentRow[]) => readonly DocumentRow[],
): SqlCoroutine<Outcome<void>> {
  // Waits for changes, which begin with this row.
  yield {
    sql: `SELECT seq FROM change_counter WHERE id = 1${sql.forUpdate}`,
    params: [],
  };
  yield* replaceImages(sql, [name], (_, images) => edit(images));
  return { changed: true, value: undefined };
}

function* imageKids(): SqlCoroutine<ReadonlyMap<string, number>> {
  const { rows } = yield {
    sql: 'SELECT SUBSTR(kid, 1, 65) AS kid, COUNT(*) AS total FROM document_images GROUP BY kid',
    params: [],
  };
  const counts = rows.map((row) => [text(row, 'kid'), integer(row, 'total')] as const);
  return new Map(counts.filter(([kid]) => isKid(kid)));
}
