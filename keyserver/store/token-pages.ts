import { copiedTokens, copyTokens } from './legacy-copy.ts';
import { integer, isExactly, tokenRow } from './rows.ts';
import type { Dialect, Outcome, SqlCoroutine, Statement } from './statements.ts';
import type { PlacedToken, SwapOptions, TokenRow, TokenSwap } from './store.ts';
import { findTokens, nameKey, rewritten, tokenColumns } from './token-statements.ts';
import type { Value } from './value.ts';

/** Rows of a page, and so of a transaction of swaps. */
const pageRows = 500;
/** Longer statements save hardly anything per row. */
const maxRead = 50;

/** The columns of the table's primary key, quoted: the walk over all rows takes their order, and an index serves it. */
export type TableKey = readonly string[];

/** The table's rows page by page; `read` resolves to the `limit` rows after a place. */
export async function* tokenPages(
  read: (after: readonly Value[] | undefined, limit: number) => Promise<PlacedToken[]>,
): AsyncGenerator<PlacedToken[]> {
  let after: readonly Value[] | undefined;
  for (;;) {
    const page = await read(after, pageRows);
    if (page.length > 0) yield page;
    if (page.length < pageRows) return;
    after = page.at(-1)?.place;
  }
}

/** {@link tokenPages} of a table without a primary key, of rows in any order. */
export async function* unplacedPages(rows: AsyncIterable<TokenRow>): AsyncGenerator<PlacedToken[]> {
  let page: PlacedToken[] = [];
  for await (const row of rows) {
    if (page.push({ ...row, place: undefined, isFound: true }) < pageRows) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

/** The `limit` rows after a place, in the order of the key. */
export function* pageAfter(
  sql: Dialect,
  key: TableKey,
  after: readonly Value[] | undefined,
  limit: number,
): SqlCoroutine<PlacedToken[]> {
  const rest = after && sql.after(key, after);
  // By these names, since `client_id` would be the text of a column of numbers.
  const order = key.map((_, i) => `place_${i}`);
  const places = key.map((column, i) => `${column} AS ${order[i]}`).join(', ');
  const found = `${sql.equalsText('client_id')} AND ${sql.equalsText('token_type')}`;
  const { rows } = yield {
    sql:
      `SELECT ${places}, ${tokenColumns}, ${found} AS is_found FROM ${sql.tokenTable}` +
      `${rest === undefined ? '' : ` WHERE ${rest.sql}`} ORDER BY ${order.join(', ')} LIMIT ${limit}`,
    params: rest?.params ?? [],
  };
  return rows.map((row) => ({
    ...tokenRow(row),
    place: key.map((_, i) => row[`place_${i}`] as Value),
    isFound: integer(row, 'is_found') === 1,
  }));
}

/**
 * Replaces tokens by others, each only if the row still has exactly the old bytes; returns which. With `keepsOld`
 * the replaced rows are copied in the same transaction, see {@link copyTokens}, and rows that share a name but not
 * their copy, or whose look-up would not tell, are left. @throws StoreError row_unfit, and table_missing without the copies' table
 */
export function* swapTokens(
  sql: Dialect,
  key: TableKey | undefined,
  swaps: readonly TokenSwap[],
  { keepsOld }: SwapOptions,
): SqlCoroutine<Outcome<boolean[]>> {
  const swapped: boolean[] = [];
  const repeated = keepsOld ? yield* repeatedSinceCopied(sql, swaps) : new Set();
  for (const swap of swaps) {
    if (repeated.has(swap)) {
      swapped.push(false);
      continue;
    }
    const { row, token } = swap;
    const place = placeOf(key, row);
    const { affected } = yield {
      sql:
        `UPDATE ${sql.tokenTable} SET token = ? WHERE ${place.sql} AND ${sql.exact('client_id')} = ? ` +
        `AND ${sql.exact('token_type')} = ? AND ${sql.exact('token')} = ?`,
      params: [token, ...place.params, ...[row.clientId, row.tokenType, row.token].map(sql.bytes)],
    };
    // Several if a table without a key has the row more than once.
    swapped.push(affected > 0);
  }
  const done = swaps.filter((_, i) => swapped[i]);
  for (let from = 0; from < done.length; from += maxRead) {
    yield* checkStored(sql, key, done.slice(from, from + maxRead));
  }
  if (keepsOld) {
    const old = done.map(({ row }) => row);
    yield* copyTokens(sql, old);
  }
  return { changed: done.length > 0, value: swapped };
}

/**
 * Those of rows that several share a name, as far as a copy would get lost by another. Only a row that was written
 * since the rows were copied differs from its copy, so few names are looked up.
 */
function* repeatedSinceCopied(
  sql: Dialect,
  swaps: readonly TokenSwap[],
): SqlCoroutine<ReadonlySet<TokenSwap>> {
  const repeated = new Set<TokenSwap>();
  const copies = yield* copiedTokens(
    sql,
    swaps.map(({ row }) => row),
  );
  for (const [i, swap] of swaps.entries()) {
    const { clientId, tokenType, token, isFound } = swap.row;
    if (copies[i] === token) continue;
    const rows = isFound ? yield* findTokens(sql, clientId, tokenType) : [];
    if (rows.length !== 1) repeated.add(swap);
  }
  return repeated;
}

/** A condition that an index serves, for the row and perhaps a few others. */
function placeOf(key: TableKey | undefined, row: PlacedToken): Statement {
  const { place, clientId, tokenType } = row;
  if (key === undefined || place === undefined) {
    return { sql: 'client_id = ? AND token_type = ?', params: [clientId, tokenType] };
  }
  return { sql: key.map((column) => `${column} = ?`).join(' AND '), params: place };
}

/** Columns of numbers, padding and triggers may give back something else. */
function* checkStored(
  sql: Dialect,
  key: TableKey | undefined,
  swaps: readonly TokenSwap[],
): SqlCoroutine<void> {
  const places = swaps.map(({ row }) => placeOf(key, row));
  const { rows } = yield {
    sql: `SELECT ${tokenColumns} FROM ${sql.tokenTable} WHERE ${places.map((place) => `(${place.sql})`).join(' OR ')}`,
    params: places.flatMap(({ params }) => params),
  };
  const byName = Map.groupBy(rows, (row) => nameKey(tokenRow(row)));
  for (const { row, token } of swaps) {
    const found = byName.get(nameKey(row)) ?? [];
    if (!found.some((stored) => isExactly(stored, 'token', token))) throw rewritten();
  }
}
