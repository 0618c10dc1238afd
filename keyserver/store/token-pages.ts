import { integer, type Row, tokenRow } from './rows.ts';
import type { Dialect, KeyColumn, SqlCoroutine, Statement } from './statements.ts';
import type { PlacedToken, TokenRow, Value } from './store.ts';
import { tokenColumns } from './token-statements.ts';

const pageRows = 500;

/** The columns that give a walk over all rows its order. */
export interface TableKey {
  readonly columns: readonly KeyColumn[];
  /**
   * `unique`: an index, and each row has a place of its own. `index`: few rows share a place, and rows with NULL have
   * none. `sort`: likewise, but no index helps, so each page reads the whole table.
   */
  readonly by: 'unique' | 'index' | 'sort';
}

export interface PagedTable {
  readonly dialect: Dialect;
  key(): Promise<TableKey>;
  read<T>(steps: () => SqlCoroutine<T>): Promise<T>;
}

type Place = readonly Value[];

/** The order of the names' bytes, whatever the columns' types. */
export function sortingKey({ exact }: Dialect): TableKey {
  const columns = ['client_id', 'token_type'].map((name) => ({ sql: exact(name), param: '?' }));
  return { columns, by: 'sort' };
}

/** The table's rows page by page; rows that share a place share a page. */
export async function* tokenPages(table: PagedTable): AsyncGenerator<PlacedToken[]> {
  const { dialect, read } = table;
  const key = await table.key();
  if (key.by !== 'unique') yield* unplacedPages(table, key);
  let after: Place | undefined;
  do {
    const { rows, end } = await read(() => pageAfter(dialect, key, after));
    if (rows.length > 0) yield rows;
    after = end;
  } while (after !== undefined);
}

export async function* listTokens(table: PagedTable): AsyncGenerator<TokenRow> {
  for await (const page of tokenPages(table)) {
    for (const { clientId, tokenType, token } of page) yield { clientId, tokenType, token };
  }
}

/** A page's rows, and the place of the last one unless the table ends with it. */
function* pageAfter(
  sql: Dialect,
  key: TableKey,
  after: Place | undefined,
): SqlCoroutine<{ readonly rows: PlacedToken[]; readonly end: Place | undefined }> {
  const rest: Statement[] = after === undefined ? [] : [sql.after(key.columns, after)];
  // By these names, since `client_id` would be the text of a column of numbers.
  const order = `ORDER BY ${key.columns.map((_, i) => `place_${i}`).join(', ')}`;
  if (key.by === 'unique') {
    const rows = yield* select(sql, key, rest, `${order} LIMIT ${pageRows}`);
    return { rows, end: rows.length < pageRows ? undefined : rows.at(-1)?.place };
  }
  rest.push({ sql: `NOT ${hasNoPlace(key)}`, params: [] });
  const from = `SELECT ${placeColumns(key)} FROM ${sql.tokenTable}`;
  const last = yield where(from, rest, `${order} LIMIT 1 OFFSET ${pageRows - 1}`);
  const end = last.rows[0] && placeIn(key, last.rows[0]);
  if (end !== undefined) {
    const beyond = sql.after(key.columns, end);
    rest.push({ sql: `NOT ${beyond.sql}`, params: beyond.params });
  }
  return { rows: yield* select(sql, key, rest, order), end };
}

/** Rows with NULL in the key, and so without a name: nobody can use them. */
async function* unplacedPages({ dialect, read }: PagedTable, key: TableKey) {
  const conditions = [{ sql: hasNoPlace(key), params: [] }];
  for (let from = 0; ; from += pageRows) {
    const rows = await read(() =>
      select(dialect, key, conditions, `LIMIT ${pageRows} OFFSET ${from}`),
    );
    if (rows.length > 0) yield rows;
    if (rows.length < pageRows) return;
  }
}

function* select(
  sql: Dialect,
  key: TableKey,
  conditions: readonly Statement[],
  suffix: string,
): SqlCoroutine<PlacedToken[]> {
  const found = `${sql.equalsText('client_id')} AND ${sql.equalsText('token_type')}`;
  const from = `SELECT ${placeColumns(key)}, ${tokenColumns}, ${found} AS is_found FROM ${sql.tokenTable}`;
  const { rows } = yield where(from, conditions, suffix);
  return rows.map((row) => ({
    ...tokenRow(row),
    place: placeIn(key, row),
    isFound: integer(row, 'is_found') === 1,
  }));
}

function where(from: string, conditions: readonly Statement[], suffix: string): Statement {
  const all = conditions.map(({ sql }) => sql).join(' AND ');
  return {
    sql: `${from}${all === '' ? '' : ` WHERE ${all}`} ${suffix}`,
    params: conditions.flatMap(({ params }) => params),
  };
}

function placeColumns({ columns }: TableKey): string {
  return columns.map(({ sql }, i) => `${sql} AS place_${i}`).join(', ');
}

function placeIn({ columns }: TableKey, row: Row): Place {
  return columns.map((_, i) => row[`place_${i}`] as Value);
}

function hasNoPlace({ columns }: TableKey): string {
  return `(${columns.map(({ sql }) => `${sql} IS NULL`).join(' OR ')})`;
}
