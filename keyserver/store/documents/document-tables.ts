import { documentRow, isExactly } from '../rows.ts';
import { type Dialect, maxNameChars, type SqlCoroutine, type Statement } from '../statements.ts';
import type { DocumentName, DocumentRow } from '../store.ts';

/** Tables of rows that are documents, or were. */
type DocumentTable = 'documents' | 'document_images';

/** Longest body of a document, which holds all of an app's grants; a longer one is truncated when read. */
export const maxBodyChars = 4_194_304;

/** Rows of one statement, and characters of their bodies, since servers limit the length of a packet. */
const maxRowsAtOnce = 100;
const maxCharsAtOnce = 1_000_000;

const columns = 'kind, id, revision, kid, body, mac';

function select(table: DocumentTable, suffix: string): string {
  return (
    `SELECT SUBSTR(kind, 1, ${maxNameChars}) AS kind, SUBSTR(id, 1, ${maxNameChars}) AS id, revision, ` +
    `SUBSTR(kid, 1, ${maxNameChars}) AS kid, SUBSTR(body, 1, ${maxBodyChars}) AS body, ` +
    `SUBSTR(mac, 1, ${maxNameChars}) AS mac FROM ${table} ${suffix}`
  );
}

/** All rows, by name, the newest of a name first. */
export function* allRows(table: DocumentTable): SqlCoroutine<DocumentRow[]> {
  const { rows } = yield { sql: select(table, 'ORDER BY kind, id, revision DESC'), params: [] };
  return rows.map(documentRow);
}

/**
 * The rows of each name, the newest first, locked. Names are compared byte by byte: under a collation the query also
 * finds other documents, whose rights an edit would then seal under these names.
 */
export function* lockedRows(
  sql: Pick<Dialect, 'forUpdate'>,
  table: DocumentTable,
  names: readonly DocumentName[],
): SqlCoroutine<DocumentRow[][]> {
  const found: DocumentRow[][] = [];
  for (const some of chunks(names, () => 0)) {
    const { where, params } = ofNames(some);
    const { rows } = yield { sql: select(table, `WHERE ${where}${sql.forUpdate}`), params };
    for (const { kind, id } of some) {
      const exact = rows.filter((row) => isExactly(row, 'kind', kind) && isExactly(row, 'id', id));
      found.push(exact.map(documentRow).sort(newestFirst));
    }
  }
  return found;
}

/** A revision that is no integer comes last. */
function newestFirst(one: DocumentRow, other: DocumentRow): number {
  return (other.revision || 0) - (one.revision || 0);
}

export function* deleteRows(
  table: DocumentTable,
  names: readonly DocumentName[],
): SqlCoroutine<void> {
  for (const some of chunks(names, () => 0)) {
    const { where, params } = ofNames(some);
    yield { sql: `DELETE FROM ${table} WHERE ${where}`, params };
  }
}

export function* insertRows(
  table: DocumentTable,
  rows: readonly DocumentRow[],
): SqlCoroutine<void> {
  for (const some of chunks(rows, ({ body }) => body.length)) yield insertion(table, some);
}

function insertion(table: DocumentTable, rows: readonly DocumentRow[]): Statement {
  return {
    sql: `INSERT INTO ${table} (${columns}) VALUES ${rows.map(() => '(?, ?, ?, ?, ?, ?)').join(', ')}`,
    params: rows.flatMap(({ kind, id, revision, kid, body, mac }) => [
      ...[kind, id, revision, kid, body, mac],
    ]),
  };
}

function ofNames(names: readonly DocumentName[]) {
  return {
    where: names.map(() => '(kind = ? AND id = ?)').join(' OR '),
    params: names.flatMap(({ kind, id }) => [kind, id]),
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
