import { changeRow, integer, isExactly, type Row, tokenRow } from './rows.ts';
import { type Change, StoreUnavailableError, type TokenName, type TokenRow } from './store.ts';

export type Value = string | number | null | Uint8Array;

export interface Statement {
  readonly sql: string;
  readonly params: readonly Value[];
}

export interface Result {
  readonly rows: readonly Row[];
  /** Rows that the statement wrote, matched ones that had the value before included. */
  readonly affected: number;
}

/**
 * A piece of work as a coroutine: it yields statements and is resumed with their results. So it is
 * written once, and driven at once over SQLite and with awaits over the network.
 */
export type Steps<T> = Generator<Statement, T, Result>;

/** What a changing transaction came to. It is rolled back where nothing `changed`. */
export interface Outcome<T> {
  readonly changed: boolean;
  readonly value: T;
}

/** Where the two SQLs differ. */
export interface Dialect {
  /** The token table's name, quoted. */
  readonly tokenTable: string;
  /** Ends a SELECT whose rows must stay as they are until the transaction's end. */
  readonly forUpdate: string;
  /** An expression for a key column's very bytes, comparable with {@link bytes} of a name. */
  exact(column: string): string;
  /** The parameter for {@link exact}. */
  bytes(name: unknown): string | Uint8Array;
}

/** Changes older than this many behind the newest are pruned. */
export const keptChanges = 10_000;

// Rows are cut at what no row of ours comes near, so that a huge one cannot fill the memory; cut, it
// does not open.
const maxTokenChars = 1_048_576;
export const maxNameChars = 1_024;

const tokenColumns =
  `SUBSTR(client_id, 1, ${maxNameChars}) AS client_id, ` +
  `SUBSTR(token_type, 1, ${maxNameChars}) AS token_type, SUBSTR(token, 1, ${maxTokenChars}) AS token`;

/** One, or more than one, which the reader refuses. */
const rowsToTell = 2;

export function* findTokens(sql: Dialect, clientId: string, tokenType: string): Steps<TokenRow[]> {
  // The plain comparison lets the key serve, and finds every byte-equal row: EXPLAIN says `const` on
  // PRIMARY both for the own VARBINARY columns and for VARCHAR ones (MariaDB 10.11). Under a
  // collation it finds others, too, hence the look at the keys.
  const keys = exactKeys(sql, clientId, tokenType);
  const { rows } = yield {
    sql: `SELECT ${tokenColumns} FROM ${sql.tokenTable} WHERE ${keys.sql} LIMIT ${rowsToTell}`,
    params: keys.params,
  };
  return rows.filter((row) => isToken(row, clientId, tokenType)).map(tokenRow);
}

/** What {@link findTokens} gives for each of several names, by one statement where that can tell. */
export function* findTokensOfAll(sql: Dialect, names: readonly TokenName[]): Steps<TokenRow[][]> {
  const rows = names.length > 1 ? yield* rowsOfAll(sql, names) : undefined;
  if (rows === undefined) {
    const found: TokenRow[][] = [];
    for (const { clientId, tokenType } of names) {
      found.push(yield* findTokens(sql, clientId, tokenType));
    }
    return found;
  }
  const byName = Map.groupBy(rows, (row) => nameKey(tokenRow(row)));
  return names.map((name) => {
    const named = byName.get(nameKey(name)) ?? [];
    const exact = named.filter((row) => isToken(row, name.clientId, name.tokenType));
    return exact.slice(0, rowsToTell).map(tokenRow);
  });
}

/**
 * The rows that a column's collation takes for those of the names; the key serves each. Undefined where some
 * may be missing: there are as many as were allowed, so lookalikes and copies of some may have crowded others
 * out, or none at all, which is also what a single name does that a column's charset cannot hold.
 */
function* rowsOfAll(sql: Dialect, names: readonly TokenName[]): Steps<readonly Row[] | undefined> {
  // Of few lengths, so that few statements are prepared.
  const length = 2 ** Math.ceil(Math.log2(names.length));
  const asked = Array.from({ length }, (_, i) => names[i % names.length] as TokenName);
  const limit = rowsToTell * length;
  const { rows } = yield {
    sql:
      `SELECT ${tokenColumns} FROM ${sql.tokenTable} WHERE ` +
      `${asked.map(() => '(client_id = ? AND token_type = ?)').join(' OR ')} LIMIT ${limit}`,
    params: asked.flatMap(({ clientId, tokenType }) => [clientId, tokenType]),
  };
  return rows.length === 0 || rows.length === limit ? undefined : rows;
}

function nameKey({ clientId, tokenType }: TokenName): string {
  return JSON.stringify([clientId, tokenType]);
}

function isToken(row: Row, clientId: string, tokenType: string): boolean {
  return isExactly(row, 'client_id', clientId) && isExactly(row, 'token_type', tokenType);
}

/** The `limit` rows after the `last` one, in the order of the keys' bytes. */
export function* tokensAfter(
  sql: Dialect,
  last: Row | undefined,
  limit: number,
): Steps<readonly Row[]> {
  const client = sql.exact('client_id');
  const type = sql.exact('token_type');
  const after = last === undefined ? '' : ` AND ${client} >= ? AND (${client} > ? OR ${type} > ?)`;
  const params: Value[] = [];
  if (last !== undefined) {
    const clientId = sql.bytes(last.client_id);
    params.push(clientId, clientId, sql.bytes(last.token_type));
  }
  const { rows } = yield {
    sql:
      `SELECT ${tokenColumns} FROM ${sql.tokenTable} ` +
      `WHERE client_id IS NOT NULL AND token_type IS NOT NULL${after} ` +
      `ORDER BY ${client}, ${type} LIMIT ${limit}`,
    params,
  };
  return rows;
}

/** Some of the rows that a table without a key can have and no name finds; they are nobody's token. */
export function* namelessTokens(sql: Dialect): Steps<TokenRow[]> {
  const { rows } = yield {
    sql: `SELECT ${tokenColumns} FROM ${sql.tokenTable} WHERE client_id IS NULL OR token_type IS NULL LIMIT 100`,
    params: [],
  };
  return rows.map(tokenRow);
}

/** One condition for exactly a name's row, and its parameters; an index serves its first half. */
function exactKeys(sql: Dialect, clientId: string, tokenType: string): Statement {
  return {
    sql:
      'client_id = ? AND token_type = ? AND ' +
      `${sql.exact('client_id')} = ? AND ${sql.exact('token_type')} = ?`,
    params: [clientId, tokenType, sql.bytes(clientId), sql.bytes(tokenType)],
  };
}

/** Resolves to whether a row was replaced. Several rows of one name become one. */
export function* putToken(sql: Dialect, row: TokenRow): Steps<Outcome<boolean>> {
  const { clientId, tokenType, token } = row;
  const seq = yield* nextSeq();
  const { rows } = yield {
    sql: `SELECT client_id, token_type FROM ${sql.tokenTable} WHERE client_id = ? AND token_type = ?${sql.forUpdate}`,
    params: [clientId, tokenType],
  };
  const present = rows.filter((found) => isToken(found, clientId, tokenType)).length;
  const keys = exactKeys(sql, clientId, tokenType);
  if (present === 1) {
    yield {
      sql: `UPDATE ${sql.tokenTable} SET token = ? WHERE ${keys.sql}`,
      params: [token, ...keys.params],
    };
  } else {
    if (present > 1) {
      yield { sql: `DELETE FROM ${sql.tokenTable} WHERE ${keys.sql}`, params: keys.params };
    }
    yield {
      sql: `INSERT INTO ${sql.tokenTable} (client_id, token_type, token) VALUES (?, ?, ?)`,
      params: [clientId, tokenType, token],
    };
  }
  yield* recordChange({ seq, kind: 'token', id: clientId, tokenType });
  return { changed: true, value: present > 0 };
}

/** Resolves to whether a row was deleted. */
export function* deleteToken(
  sql: Dialect,
  clientId: string,
  tokenType: string,
): Steps<Outcome<boolean>> {
  const seq = yield* nextSeq();
  const keys = exactKeys(sql, clientId, tokenType);
  const { affected } = yield {
    sql: `DELETE FROM ${sql.tokenTable} WHERE ${keys.sql}`,
    params: keys.params,
  };
  if (affected === 0) return { changed: false, value: false };
  yield* recordChange({ seq, kind: 'token', id: clientId, tokenType });
  return { changed: true, value: true };
}

/** What no counter comes to by counting; above it a number would soon not be exact. */
const maxRevision = 2 ** 52;

/** The first number after every change and revision, where a counter that was set back would repeat one. */
const afterAllKnown =
  'SELECT MAX(n) + 1 AS seq FROM (' +
  'SELECT MAX(seq) AS n FROM changes WHERE seq < ? UNION ALL ' +
  'SELECT MAX(revision) AS n FROM documents WHERE revision < ?) AS known';

/**
 * Takes the next `seq`. A changing transaction does this first: the counter's row stays locked
 * until it commits, so the order of `seq` is the order of commits.
 */
export function* nextSeq(): Steps<number> {
  const { affected } = yield {
    sql: 'UPDATE change_counter SET seq = seq + 1 WHERE id = 1',
    params: [],
  };
  if (affected !== 1) throw new StoreUnavailableError('The row of change_counter is missing');
  const counted = yield* lastSeq();
  const { rows } = yield { sql: afterAllKnown, params: [maxRevision, maxRevision] };
  const seq = Math.max(counted, (rows[0] && integer(rows[0], 'seq')) || 0);
  if (seq > counted) {
    yield { sql: 'UPDATE change_counter SET seq = ? WHERE id = 1', params: [seq] };
  }
  return seq;
}

export function* recordChange({ seq, kind, id, tokenType }: Change): Steps<void> {
  yield {
    sql: 'INSERT INTO changes (seq, kind, id, token_type) VALUES (?, ?, ?, ?)',
    params: [seq, kind, id, tokenType ?? null],
  };
  yield { sql: 'DELETE FROM changes WHERE seq <= ?', params: [seq - keptChanges] };
}

export function* lastSeq(): Steps<number> {
  const { rows } = yield { sql: 'SELECT seq FROM change_counter WHERE id = 1', params: [] };
  if (rows[0] === undefined)
    throw new StoreUnavailableError('The row of change_counter is missing');
  const seq = integer(rows[0], 'seq');
  if (!(seq >= 0))
    throw new StoreUnavailableError('The row of change_counter holds no usable number');
  return seq;
}

export function* changesSince(seq: number): Steps<Change[]> {
  const { rows } = yield {
    // Bounded, since others can fill the table, too.
    sql: `SELECT seq, kind, id, token_type FROM changes WHERE seq > ? ORDER BY seq LIMIT ${keptChanges}`,
    params: [seq],
  };
  return rows.map(changeRow).filter((change) => change !== undefined);
}

export function* hasRows(sql: Dialect): Steps<boolean> {
  const { rows } = yield {
    sql: `SELECT EXISTS (SELECT 1 FROM ${sql.tokenTable}) + EXISTS (SELECT 1 FROM documents) AS found`,
    params: [],
  };
  return rows[0] !== undefined && integer(rows[0], 'found') > 0;
}
