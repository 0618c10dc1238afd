import { changeRow, integer, type Row } from './rows.ts';
import { type Change, StoreUnavailableError } from './store.ts';

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
export type SqlCoroutine<T> = Generator<Statement, T, Result>;

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

/** Rows are cut at what no row of ours comes near, so that a huge one cannot fill the memory; cut, it does not open. */
export const maxNameChars = 1_024;

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
export function* nextSeq(): SqlCoroutine<number> {
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

export function* recordChange({ seq, kind, id, tokenType }: Change): SqlCoroutine<void> {
  yield {
    sql: 'INSERT INTO changes (seq, kind, id, token_type) VALUES (?, ?, ?, ?)',
    params: [seq, kind, id, tokenType ?? null],
  };
  yield { sql: 'DELETE FROM changes WHERE seq <= ?', params: [seq - keptChanges] };
}

export function* lastSeq(): SqlCoroutine<number> {
  const { rows } = yield { sql: 'SELECT seq FROM change_counter WHERE id = 1', params: [] };
  if (rows[0] === undefined)
    throw new StoreUnavailableError('The row of change_counter is missing');
  const seq = integer(rows[0], 'seq');
  if (!(seq >= 0))
    throw new StoreUnavailableError('The row of change_counter holds no usable number');
  return seq;
}

export function* changesSince(seq: number): SqlCoroutine<Change[]> {
  const { rows } = yield {
    // Bounded, since others can fill the table, too.
    sql: `SELECT seq, kind, id, token_type FROM changes WHERE seq > ? ORDER BY seq LIMIT ${keptChanges}`,
    params: [seq],
  };
  return rows.map(changeRow).filter((change) => change !== undefined);
}

export function* hasRows(sql: Dialect): SqlCoroutine<boolean> {
  const { rows } = yield {
    sql: `SELECT EXISTS (SELECT 1 FROM ${sql.tokenTable}) + EXISTS (SELECT 1 FROM documents) AS found`,
    params: [],
  };
  return rows[0] !== undefined && integer(rows[0], 'found') > 0;
}
