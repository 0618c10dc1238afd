import { documentRow, integer, isExactly, type Row, text } from '../rows.ts';
import { anyOf, chunks, insertion, type SqlPart } from '../sql-lists.ts';
import { type Dialect, maxNameChars, query, type SqlCoroutine } from '../statements.ts';
import type { DocumentName, DocumentRow, ImageName } from '../store.ts';
import { BehindError } from '../store-error.ts';

type DocumentTable = 'documents' | 'document_images';

/** Longest body of a document, which holds all of an app's grants; a longer one is truncated when read. */
export const maxBodyChars = 4_194_304;

export const maxRowsAtOnce = 100;

const nameColumns =
  `SUBSTR(kind, 1, ${maxNameChars}) AS kind, SUBSTR(id, 1, ${maxNameChars}) AS id, revision, ` +
  `SUBSTR(kid, 1, ${maxNameChars}) AS kid`;

function select(table: DocumentTable, suffix: string, ...more: readonly string[]): string {
  const columns = [
    nameColumns,
    `SUBSTR(body, 1, ${maxBodyChars}) AS body, SUBSTR(mac, 1, ${maxNameChars}) AS mac`,
    ...more,
  ];
  return `SELECT ${columns.join(', ')} FROM ${table} ${suffix}`;
}

const byName = 'ORDER BY kind, id, revision DESC';

const counter = '(SELECT seq FROM change_counter WHERE id = 1) AS counter';

/**
 * All documents, by name, the newest of a name first. For `atLeast` the same statement reads the counter: another one
 * may be answered by another node of a cluster. @throws BehindError if it is below `atLeast`
 */
export function* allDocuments(atLeast?: number): SqlCoroutine<DocumentRow[]> {
  const more = atLeast === undefined ? [] : [counter];
  const rows = yield* query(select('documents', byName, ...more));
  const [first] = rows;
  // Without documents nothing is allowed, whenever they were read.
  if (atLeast !== undefined && first !== undefined) {
    const seq = integer(first, 'counter');
    if (seq < atLeast) throw new BehindError(seq);
  }
  return rows.map(documentRow);
}

export function* imageNames(of: DocumentName | undefined): SqlCoroutine<ImageName[]> {
  const { sql: where, params } = of === undefined ? { sql: 'TRUE', params: [] } : ofNames([of]);
  const rows = yield* query(
    `SELECT ${nameColumns}, LENGTH(body) AS size FROM document_images WHERE ${where} ${byName}`,
    params,
  );
  return rows
    .filter((row) => of === undefined || isNamed(row, of))
    .map((row) => ({
      ...{ kind: text(row, 'kind'), id: text(row, 'id') },
      ...{ revision: integer(row, 'revision'), kid: text(row, 'kid'), size: integer(row, 'size') },
    }));
}

export function* images(names: readonly ImageName[]): SqlCoroutine<(DocumentRow | undefined)[]> {
  const numbered = names.filter(({ revision }) => !Number.isNaN(revision));
  if (numbered.length === 0) return names.map(() => undefined);
  const wanted = anyOf(
    ['kind', 'id', 'revision'],
    numbered.map(({ kind, id, revision }) => [kind, id, revision]),
  );
  const rows = yield* query(select('document_images', `WHERE ${wanted.sql}`), wanted.params);
  return names.map((name) => {
    const isIts = (row: Row) => isNamed(row, name) && integer(row, 'revision') === name.revision;
    const row = rows.find(isIts);
    return row && documentRow(row);
  });
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
  for (const some of chunks(names, maxRowsAtOnce)) {
    const { sql: where, params } = ofNames(some);
    const rows = yield* query(select(table, `WHERE ${where}${sql.forUpdate}`), params);
    for (const name of some) {
      const exact = rows.filter((row) => isNamed(row, name));
      // A revision that is no integer comes last.
      const newestFirst = (one: DocumentRow, other: DocumentRow) =>
        (other.revision || 0) - (one.revision || 0);
      found.push(exact.map(documentRow).sort(newestFirst));
    }
  }
  return found;
}

export function* deleteRows(
  table: DocumentTable,
  names: readonly DocumentName[],
): SqlCoroutine<void> {
  for (const some of chunks(names, maxRowsAtOnce)) {
    const { sql: where, params } = ofNames(some);
    yield* query(`DELETE FROM ${table} WHERE ${where}`, params);
  }
}

export function* insertRows(
  table: DocumentTable,
  rows: readonly DocumentRow[],
): SqlCoroutine<void> {
  for (const some of chunks(rows, maxRowsAtOnce, ({ body }) => body.length)) {
    const values = some.map(({ kind, id, revision, kid, body, mac }) => [
      ...[kind, id, revision, kid, body, mac],
    ]);
    yield insertion(
      `INSERT INTO ${table}`,
      ['kind', 'id', 'revision', 'kid', 'body', 'mac'],
      values,
    );
  }
}

/** Under a collation a query also finds rows of other names. */
function isNamed(row: Row, { kind, id }: Pick<DocumentRow, 'kind' | 'id'>): boolean {
  return isExactly(row, 'kind', kind) && isExactly(row, 'id', id);
}

function ofNames(names: readonly DocumentName[]): SqlPart {
  return anyOf(
    ['kind', 'id'],
    names.map(({ kind, id }) => [kind, id]),
  );
}
