import { copiedTokens, copyTokens } from './legacy-copy.ts';
import { isExactly, tokenRow } from './rows.ts';
import { chunks } from './sql-lists.ts';
import {
  type Dialect,
  type Outcome,
  query,
  type SqlCoroutine,
  type Statement,
} from './statements.ts';
import type { PlacedToken, SwapOptions, TokenSwap } from './store.ts';
import type { TableKey } from './token-pages.ts';
import { findTokens, nameKey, rewritten, tokenColumns } from './token-statements.ts';

/** Longer statements save hardly anything per row. */
const maxRead = 50;

/**
 * Replaces tokens by others, each only if the row still has exactly the old bytes; returns which. With `keepsOld`
 * the replaced rows are copied in the same transaction, see {@link copyTokens}, and rows that share a name but not
 * their copy, or whose look-up would not tell, are left. @throws StoreError row_unfit, and table_missing without the copies' table
 */
export function* swapTokens(
  sql: Dialect,
  key: TableKey,
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
  for (const some of chunks(done, maxRead)) yield* checkStored(sql, key, some);
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
    const { token, isFound } = swap.row;
    if (copies[i] === token) continue;
    const rows = isFound ? yield* findTokens(sql, swap.row) : [];
    if (rows.length !== 1) repeated.add(swap);
  }
  return repeated;
}

/** A condition that an index serves, for the row and perhaps a few others. */
function placeOf({ columns, by }: TableKey, row: PlacedToken): Statement {
  const { place, clientId, tokenType } = row;
  if (by === 'sort') {
    return { sql: 'client_id = ? AND token_type = ?', params: [clientId, tokenType] };
  }
  return { sql: columns.map(({ sql, param }) => `${sql} = ${param}`).join(' AND '), params: place };
}

/** Columns of numbers, padding and triggers may give back something else. */
function* checkStored(
  sql: Dialect,
  key: TableKey,
  swaps: readonly TokenSwap[],
): SqlCoroutine<void> {
  const places = swaps.map(({ row }) => placeOf(key, row));
  const rows = yield* query(
    `SELECT ${tokenColumns} FROM ${sql.tokenTable} WHERE ${places.map((place) => `(${place.sql})`).join(' OR ')}`,
    places.flatMap(({ params }) => params),
  );
  const byName = Map.groupBy(rows, (row) => nameKey(tokenRow(row)));
  for (const { row, token } of swaps) {
    const found = byName.get(nameKey(row)) ?? [];
    if (!found.some((stored) => isExactly(stored, 'token', token))) throw rewritten();
  }
}
