import { changeRow, integer, type Row, text } from './rows.ts';
import { chunks, insertion, type SqlPart } from './sql-lists.ts';
import type { Change, Position, Value } from './store.ts';
import { StoreError } from './store-error.ts';

export interface Statement extends SqlPart {
  /** If given, the statement, which returns no rows, runs once for each of these in place of `params`. */
  readonly sets?: readonly (readonly Value[])[];
}

export interface Result {
  readonly rows: readonly Row[];
  /** Rows that the statement matched and wrote, including those that had the value already. */
  readonly affected: number;
  /** No row was compared: a column's charset cannot hold a text of the statement. */
  readonly isIncomparable?: boolean;
}

/**
 * A unit of work as a coroutine: it yields statements and is resumed with their results, so that it is
 * written once and driven synchronously over SQLite, asynchronously over the network.
 */
export type SqlCoroutine<T> = Generator<Statement, T, Result>;

/** Runs one statement; returns its rows. */
export function* query(sql: string, params: readonly Value[] = []): SqlCoroutine<readonly Row[]> {
  return (yield { sql, params }).rows;
}

/** Runs a statement that returns no rows, once for each of these lists of parameters. */
export function* repeat(sql: string, sets: NonNullable<Statement['sets']>): SqlCoroutine<void> {
  if (sets.length > 0) yield { sql, params: [], sets };
}

/** Result of a changing transaction, which is rolled back if nothing `changed`. */
export interface Outcome<T> {
  readonly changed: boolean;
  readonly value: T;
}

/** A transaction that is never rolled back by its own result. */
export function* always<T>(steps: SqlCoroutine<T>): SqlCoroutine<Outcome<T>> {
  return { changed: true, value: yield* steps };
}

/** A quoted column that rows are ordered by, or an expression in its place. */
export interface KeyColumn {
  readonly sql: string;
  /** The parameter that is compared with it as it is ordered. */
  readonly param: string;
}

export interface Dialect {
  /** The token table's name, quoted. */
  readonly tokenTable: string;
  /** Expression of the database's own clock, in Unix seconds. */
  readonly now: string;
  /** Expression of a sealed token's text up to the end of its kid, as bytes: `skt1.<kid>`. */
  readonly tokenHead: string;
  /** Suffix of a SELECT whose rows must stay unchanged until the transaction ends. */
  readonly forUpdate: string;
  /** An expression for a key column's bytes, comparable with {@link bytes} of a name. */
  exact(column: string): string;
  /** The parameter for {@link exact}. */
  bytes(name: unknown): string | Uint8Array;
  /** A condition that is true if a key column equals its own text. */
  equalsText(column: string): string;
  /** A condition in brackets for the rows after these values, in the order of the columns, that an index on them serves. */
  after(columns: readonly KeyColumn[], values: readonly Value[]): Statement;
  /** An INSERT that leaves rows alone whose key is there already. */
  readonly insertNew: string;
  /** The table beside the token table for rows as the earlier system had them. */
  readonly legacyCopy: {
    readonly name: string;
    readonly quoted: string;
    readonly definition: string;
  };
}

/** Number of changes that are kept; older ones are pruned. */
export const keptChanges = 10_000;

/** Columns are truncated far beyond our own values, so that a huge row cannot fill the memory; truncated, it does not open. */
export const maxNameChars = 1_024;

/** Far beyond any counter that grew by counting; above it integers would soon not be exact. */
const maxRevision = 2 ** 52;

/** The first number after every change and revision, which a counter that was set back would repeat; 0 if there is none. */
function* afterAllKnown(): SqlCoroutine<number> {
  const [row] = yield* query(
    'SELECT MAX(n) + 1 AS seq FROM (' +
      'SELECT MAX(seq) AS n FROM changes WHERE seq < ? UNION ALL ' +
      'SELECT MAX(revision) AS n FROM documents WHERE revision < ?) AS known',
    [maxRevision, maxRevision],
  );
  return (row && integer(row, 'seq')) || 0;
}

/**
 * Takes the next `seq`, or several in a row. A changing transaction must do this first: the counter's
 * row stays locked until the commit, so that the order of `seq` is the order of commits.
 */
export function* nextSeqs(count: number): SqlCoroutine<number[]> {
  const { affected } = yield {
    sql: 'UPDATE change_counter SET seq = seq + ? WHERE id = 1',
    params: [count],
  };
  if (affected !== 1) throw counterMissing();
  const counted = yield* lastSeq();
  const first = Math.max(counted - count + 1, yield* afterAllKnown());
  const last = first + count - 1;
  if (last > counted) {
    yield* query('UPDATE change_counter SET seq = ? WHERE id = 1', [last]);
  }
  return Array.from({ length: count }, (_, at) => first + at);
}

export function* nextSeq(): SqlCoroutine<number> {
  const [seq] = yield* nextSeqs(1);
  return seq as number;
}

const maxChangesAtOnce = 100;

export function* recordChanges(changes: readonly Change[]): SqlCoroutine<void> {
  for (const some of chunks(changes, maxChangesAtOnce)) {
    const values = some.map(({ seq, kind, id, tokenType }) => [seq, kind, id, tokenType ?? null]);
    yield insertion('INSERT INTO changes', ['seq', 'kind', 'id', 'token_type'], values);
  }
  const last = changes.at(-1)?.seq ?? 0;
  yield* query('DELETE FROM changes WHERE seq <= ?', [last - keptChanges]);
}

export function* lastSeq(): SqlCoroutine<number> {
  const rows = yield* query('SELECT seq FROM change_counter WHERE id = 1');
  return countedIn(rows);
}

export function* position(): SqlCoroutine<Position> {
  const rows = yield* query(
    'SELECT seq, (SELECT history FROM change_history WHERE id = 1) AS history FROM change_counter WHERE id = 1',
  );
  const seq = countedIn(rows);
  return { seq, history: text(rows[0] ?? {}, 'history') };
}

function countedIn([row]: readonly Row[]): number {
  if (row === undefined) throw counterMissing();
  const seq = integer(row, 'seq');
  if (!(seq >= 0)) {
    throw new StoreError('failed', 'The row of change_counter has no usable number');
  }
  return seq;
}

/** Numbers of rows that somebody forged do not count, and its changes are forgotten. */
export function* newHistory(history: string, atLeast: number): SqlCoroutine<Outcome<Position>> {
  // Locks the row first, as every change does.
  yield* query('UPDATE change_counter SET seq = 0 WHERE id = 1');
  const seq = Math.max(atLeast, yield* afterAllKnown());
  for (const sql of [
    'DELETE FROM changes',
    'DELETE FROM change_counter',
    'DELETE FROM change_history',
  ]) {
    yield* query(sql);
  }
  yield* query('INSERT INTO change_counter (id, seq) VALUES (1, ?)', [seq]);
  yield* query('INSERT INTO change_history (id, history) VALUES (1, ?)', [history]);
  return { changed: true, value: { history, seq } };
}

function counterMissing(): StoreError {
  return new StoreError('failed', 'The row of change_counter is missing');
}

export function* changesSince(seq: number): SqlCoroutine<Change[]> {
  // Limited, since others can write to the table.
  const rows = yield* query(
    `SELECT seq, kind, id, token_type FROM changes WHERE seq > ? ORDER BY seq LIMIT ${keptChanges}`,
    [seq],
  );
  return rows.map(changeRow).filter((change) => change !== undefined);
}

export function* needsKeyring(sql: Pick<Dialect, 'tokenTable'>): SqlCoroutine<boolean> {
  // The format's version is one character; the earlier system's base64 has no dot.
  const rows = yield* query(
    `SELECT EXISTS (SELECT 1 FROM ${sql.tokenTable} WHERE token LIKE 'skt_.%') + ` +
      'EXISTS (SELECT 1 FROM documents) AS found',
  );
  const found = rows[0] === undefined ? Number.NaN : integer(rows[0], 'found');
  // No answer is not the answer "no rows".
  if (Number.isNaN(found)) throw new StoreError('failed', 'The database returned no row count');
  return found > 0;
}
