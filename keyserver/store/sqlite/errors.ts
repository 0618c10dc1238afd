import { StoreUnavailableError } from '../store.ts';

/** Sentences for the operator by primary result code (https://sqlite.org/rescode.html). */
const unavailable: ReadonlyMap<number, string> = new Map([
  [5, 'The database is locked by another process'],
  [8, 'The database file cannot be written'],
  [11, 'The database file is damaged'],
  [13, 'The disk is full'],
  [14, 'The database file cannot be opened'],
  [26, 'The file is not a SQLite database'],
]);
const constraint = 19;

/** What to throw for what node:sqlite or opening the file threw; any other error as it is. */
export function sqliteError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, errcode } = error as Error & { code?: unknown; errcode?: unknown };
  if (typeof errcode === 'number') {
    // The low byte is the primary code, the rest says more exactly what happened.
    const primary = errcode & 0xff;
    if (primary === constraint) {
      return new RangeError(
        'The token table has a constraint that takes no such row: give client_id and token_type no collation',
      );
    }
    const sentence = /no such table/.test(error.message)
      ? 'The schema is missing: run keyserver-admin migrate'
      : (unavailable.get(primary) ?? 'The database failed');
    return new StoreUnavailableError(`${sentence} (SQLite ${errcode})`, { cause: error });
  }
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) {
    return new StoreUnavailableError(`The database file cannot be opened (${code})`, {
      cause: error,
    });
  }
  return error;
}
