import { documentRow, isExactly } from './rows.ts';
import {
  type Dialect,
  maxNameChars,
  nextSeqs,
  type Outcome,
  recordChanges,
  type SqlCoroutine,
  type Statement,
} from './statements.ts';
import type {
  DocumentEdit,
  DocumentKind,
  DocumentName,
  DocumentRow,
  DocumentsEdit,
} from './store.ts';

/** Longest body of a document, which holds all of an app's grants; a longer one is truncated when read. */
export const maxBodyChars = 4_194_304;

/** Rows of one statement, and characters of their bodies, since servers limit the length of a packet. */
const maxRowsAtOnce = 100;
const maxCharsAtOnce = 1_000_000;

const documentColumns = 'kind, id, revision, kid, body, mac';
const readDocuments =
  `SELECT SUBSTR(kind, 1, ${maxNameChars}) AS kind, SUBSTR(id, 1, ${maxNameChars}) AS id, revision, ` +
  `SUBSTR(kid, 1, ${maxNameChars}) AS kid, SUBSTR(body, 1, ${maxBodyChars}) AS body, ` +
  `SUBSTR(mac, 1, ${maxNameChars}) AS mac FROM documents`;

export function* documents(): SqlCoroutine<DocumentRow[]> {
  const { rows } = yield { sql: `${readDocuments} ORDER BY kind, id`, params: [] };
  return rows.map(documentRow);
}

/** A name with its newest row, and the number of its rows. */
interface Found {
  readonly name: DocumentName;
  readonly newest: DocumentRow | undefined;
  readonly rows: number;
}

/**
 * The rows of names, compared byte by byte: under a collation the query also finds other
 * documents, whose rights the edit would then seal under these names.
 */
function* findDocuments(sql: Dialect, names: readonly DocumentName[]): SqlCoroutine<Found[]> {
  const found: Found[] = [];
  for (const some of chunks(names, () => 0)) {
    const { where, params } = ofNames(some);
    const { rows } = yield { sql: `${readDocuments} WHERE ${where}${sql.forUpdate}`, params };
    for (const name of some) {
      const exact = rows
        .filter((row) => isExactly(row, 'kind', name.kind) && isExactly(row, 'id', name.id))
        .map(documentRow)
        .sort((a, b) => b.revision - a.revision);
      found.push({ name, newest: exact[0], rows: exact.length });
    }
  }
  return found;
}

function ofNames(names: readonly DocumentName[]) {
  return {
    where: names.map(() => '(kind = ? AND id = ?)').join(' OR '),
    params: names.flatMap(({ kind, id }) => [kind, id]),
  };
}

export function* editDocument(
  sql: Dialect,
  kind: DocumentKind,
  id: string,
  edit: DocumentEdit,
): SqlCoroutine<Outcome<DocumentRow | undefined>> {
  const { changed, value } = yield* editDocuments(sql, [{ kind, id }], ([current], [revision]) => [
    edit(current, revision as number),
  ]);
  return { changed, value: value[0] };
}

export function* editDocuments(
  sql: Dialect,
  names: readonly DocumentName[],
  edit: DocumentsEdit,
): SqlCoroutine<Outcome<readonly (DocumentRow | undefined)[]>> {
  const revisions = yield* nextSeqs(names.length);
  const found = yield* findDocuments(sql, names);
  const next = edit(
    found.map(({ newest }) => newest),
    revisions,
  );
  const written = next.filter((row) => row !== undefined);
  const stored = found.filter(({ rows }) => rows > 0).map(({ name }) => name);
  if (written.length === 0 && stored.length === 0) return { changed: false, value: next };
  for (const [at, row] of next.entries()) checkNext(row, names[at], revisions[at]);
  yield* deleteDocuments(stored);
  yield* insertDocuments(written);
  yield* recordChanges(names.map((name, at) => ({ ...name, seq: revisions[at] as number })));
  return { changed: true, value: next };
}

function checkNext(
  next: DocumentRow | undefined,
  name: DocumentName | undefined,
  revision: number | undefined,
): void {
  if (next === undefined) return;
  if (next.kind === name?.kind && next.id === name.id && next.revision === revision) return;
  throw new TypeError('An edit must keep kind and id and carry the given revision');
}

function* deleteDocuments(names: readonly DocumentName[]): SqlCoroutine<void> {
  for (const some of chunks(names, () => 0)) {
    const { where, params } = ofNames(some);
    yield { sql: `DELETE FROM documents WHERE ${where}`, params };
  }
}

function* insertDocuments(rows: readonly DocumentRow[]): SqlCoroutine<void> {
  for (const some of chunks(rows, ({ body }) => body.length)) yield insertion(some);
}

function insertion(rows: readonly DocumentRow[]): Statement {
  return {
    sql: `INSERT INTO documents (${documentColumns}) VALUES ${rows.map(() => '(?, ?, ?, ?, ?, ?)').join(', ')}`,
    params: rows.flatMap(({ kind, id, revision, kid, body, mac }) => [
      ...[kind, id, revision, kid, body, mac],
    ]),
  };
}

/** In pieces that one statement takes. */
function* chunks<T>(all: readonly T[], chars: (one: T) => number): Generator<T[]> {
  let some: T[] = [];
  let length = 0;
  for (const one of all) {
    length += chars(one);
    if (some.length === maxRowsAtOnce || (some.length > 0 && length > maxCharsAtOnce)) {
      yield some;
      some = [];
      length = chars(one);
    }
    some.push(one);
  }
  if (some.length > 0) yield some;
}
