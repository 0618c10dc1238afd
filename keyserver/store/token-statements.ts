import type { TokenContext } from '../../shared/crypto/token-row.ts';
import { isExactly, type Row, text, tokenRow } from './rows.ts';
import { anyOf, type SqlPart } from './sql-lists.ts';
import {
  type Dialect,
  maxNameChars,
  nextSeq,
  type Outcome,
  query,
  recordChanges,
  type SqlCoroutine,
} from './statements.ts';
import type { TokenRow } from './store.ts';
import { StoreError } from './store-error.ts';

/** As {@link maxNameChars}. */
const maxTokenChars = 1_048_576;

/** SUBSTR also makes text of a column of numbers. */
const nameColumns =
  `SUBSTR(client_id, 1, ${maxNameChars}) AS client_id, ` +
  `SUBSTR(token_type, 1, ${maxNameChars}) AS token_type`;
export const tokenColumns = `${nameColumns}, SUBSTR(token, 1, ${maxTokenChars}) AS token`;

/** Enough to tell one row from several, which the reader rejects. */
const rowsToTell = 2;

export function* findTokens(sql: Dialect, name: TokenContext): SqlCoroutine<TokenRow[]> {
  // The plain comparison uses the index and finds every byte-equal row: EXPLAIN says `const` on
  // PRIMARY for our own VARBINARY columns and for VARCHAR ones (MariaDB 10.11). Under a collation it
  // also finds other names, hence the comparison by bytes.
  const keys = exactly(sql, name);
  const rows = yield* query(
    `SELECT ${tokenColumns} FROM ${sql.tokenTable} WHERE ${keys.sql} LIMIT ${rowsToTell}`,
    keys.params,
  );
  return rows.filter((row) => isToken(row, name)).map(tokenRow);
}

/** {@link findTokens} for several names, in one statement if its rows can be told apart. */
export function* findTokensOfAll(
  sql: Dialect,
  names: readonly TokenContext[],
): SqlCoroutine<TokenRow[][]> {
  const rows = names.length > 1 ? yield* rowsOfAll(sql, names) : undefined;
  if (rows === undefined) {
    const found: TokenRow[][] = [];
    for (const name of names) found.push(yield* findTokens(sql, name));
    return found;
  }
  const byName = Map.groupBy(rows, (row) => nameKey(tokenRow(row)));
  return names.map((name) => {
    const named = byName.get(nameKey(name)) ?? [];
    const exact = named.filter((row) => isToken(row, name));
    return exact.slice(0, rowsToTell).map(tokenRow);
  });
}

/**
 * The rows of the names by the columns' collation, which the index serves. Undefined if some may be
 * missing: with as many rows as the limit, lookalikes of one name may have displaced another's rows; and
 * the column's charset may be unable to hold one of the names.
 */
function* rowsOfAll(
  sql: Dialect,
  names: readonly TokenContext[],
): SqlCoroutine<readonly Row[] | undefined> {
  // Padded to a power of two, so that few statements are prepared.
  const length = 2 ** Math.ceil(Math.log2(names.length));
  const asked = Array.from({ length }, (_, i) => names[i % names.length] as TokenContext);
  const limit = rowsToTell * length;
  const { sql: where, params } = ofNames(asked);
  const { rows, isIncomparable = false } = yield {
    sql: `SELECT ${tokenColumns} FROM ${sql.tokenTable} WHERE ${where} LIMIT ${limit}`,
    params,
  };
  return isIncomparable || rows.length === limit ? undefined : rows;
}

/** A condition for rows that have one of these names by the columns' collation. */
export function ofNames(names: readonly TokenContext[]): SqlPart {
  return anyOf(
    ['client_id', 'token_type'],
    names.map(({ clientId, tokenType }) => [clientId, tokenType]),
  );
}

export function nameKey({ clientId, tokenType }: TokenContext): string {
  return JSON.stringify([clientId, tokenType]);
}

function isToken(row: Row, { clientId, tokenType }: TokenContext): boolean {
  return isExactly(row, 'client_id', clientId) && isExactly(row, 'token_type', tokenType);
}

export function* clients(sql: Dialect): SqlCoroutine<string[]> {
  const client = sql.exact('client_id');
  const rows = yield* query(
    `SELECT DISTINCT ${client} AS client_id FROM ${sql.tokenTable} WHERE client_id IS NOT NULL`,
  );
  return rows.map((row) => text(row, 'client_id'));
}

export function* repeatedTokens(sql: Dialect, limit: number): SqlCoroutine<TokenContext[]> {
  const client = sql.exact('client_id');
  const type = sql.exact('token_type');
  const rows = yield* query(
    `SELECT ${client} AS client_id, ${type} AS token_type FROM ${sql.tokenTable} ` +
      `WHERE client_id IS NOT NULL AND token_type IS NOT NULL ` +
      `GROUP BY ${client}, ${type} HAVING COUNT(*) > 1 LIMIT ${limit}`,
  );
  return rows.map((row) => ({
    clientId: text(row, 'client_id'),
    tokenType: text(row, 'token_type'),
  }));
}

/** A condition for exactly a name's row, and the parameters for a name; an index serves the first half. */
export function exactKeys(sql: Dialect) {
  return {
    sql:
      'client_id = ? AND token_type = ? AND ' +
      `${sql.exact('client_id')} = ? AND ${sql.exact('token_type')} = ?`,
    params: ({ clientId, tokenType }: TokenContext) => [
      clientId,
      tokenType,
      sql.bytes(clientId),
      sql.bytes(tokenType),
    ],
  };
}

function exactly(sql: Dialect, name: TokenContext): SqlPart {
  const keys = exactKeys(sql);
  return { sql: keys.sql, params: keys.params(name) };
}

/** Number of rows of exactly this name, locked until the transaction ends. */
function* rowsPresent(sql: Dialect, name: TokenContext): SqlCoroutine<number> {
  const { sql: where, params } = ofNames([name]);
  const rows = yield* query(
    `SELECT ${nameColumns} FROM ${sql.tokenTable} WHERE ${where}${sql.forUpdate}`,
    params,
  );
  return rows.filter((row) => isToken(row, name)).length;
}

/** Returns whether a row was replaced. Several rows of one name become one. @throws StoreError row_unfit */
export function* putToken(sql: Dialect, row: TokenRow): SqlCoroutine<Outcome<boolean>> {
  const { clientId, tokenType, token } = row;
  const seq = yield* nextSeq();
  const present = yield* rowsPresent(sql, row);
  const keys = exactly(sql, row);
  if (present === 1) {
    yield* query(`UPDATE ${sql.tokenTable} SET token = ? WHERE ${keys.sql}`, [
      token,
      ...keys.params,
    ]);
  } else {
    if (present > 1) {
      yield* query(`DELETE FROM ${sql.tokenTable} WHERE ${keys.sql}`, keys.params);
    }
    yield* query(`INSERT INTO ${sql.tokenTable} (client_id, token_type, token) VALUES (?, ?, ?)`, [
      clientId,
      tokenType,
      token,
    ]);
  }
  const stored = yield* findTokens(sql, row);
  if (stored.length !== 1 || stored[0]?.token !== token) throw rewritten();
  yield* recordChanges([{ seq, kind: 'token', id: clientId, tokenType }]);
  return { changed: true, value: present > 0 };
}

/** Numbers, dates, padding and triggers: `042` becomes 42, the name of another client. */
export function rewritten(): StoreError {
  return new StoreError(
    'row_unfit',
    'The columns of the token table do not give this name or token back as it was stored (they hold ' +
      'numbers, pad or rewrite it): give client_id, token_type and token a text type',
  );
}

export function* deleteToken(sql: Dialect, name: TokenContext): SqlCoroutine<Outcome<boolean>> {
  const seq = yield* nextSeq();
  // Without a row no DELETE: comparing a column of numbers with another text would be an error there.
  if ((yield* rowsPresent(sql, name)) === 0) return { changed: false, value: false };
  const keys = exactly(sql, name);
  yield* query(`DELETE FROM ${sql.tokenTable} WHERE ${keys.sql}`, keys.params);
  yield* recordChanges([{ seq, kind: 'token', id: name.clientId, tokenType: name.tokenType }]);
  return { changed: true, value: true };
}
