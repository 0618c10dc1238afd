import { StoreError, type StoreErrorKind } from '../store-error.ts';

type Meaning = readonly [StoreErrorKind, message: string];

/** By primary result code (https://sqlite.org/rescode.html). */
const meanings: ReadonlyMap<number, Meaning> = new Map([
  [3, ['failed', 'The database file cannot be accessed']],
  [5, ['locked', 'The database is locked by another process']],
  [8, ['failed', 'The database file cannot be written']],
  [11, ['failed', 'The database file is damaged']],
  [13, ['failed', 'The disk is full']],
  [14, ['failed', 'The database file cannot be opened']],
  [
    19,
    [
      'row_unfit',
      'The token table has a constraint that rejects this row: give client_id and token_type no collation',
    ],
  ],
  [26, ['failed', 'The file is not a SQLite database']],
]);

/** The {@link StoreError} for an error of node:sqlite or of opening the file; any other error as it is. */
export function sqliteError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, errcode } = error as Error & { code?: unknown; errcode?: unknown };
  if (typeof errcode === 'number') {
    const [kind, message] = meaningOf(errcode, error.message);
    return new StoreError(kind, `${message} (SQLite ${errcode})`, { cause: error });
  }
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) {
    return new StoreError('failed', `The database file cannot be opened (${code})`, {
      cause: error,
    });
  }
  return error;
}

function meaningOf(errcode: number, text: string): Meaning {
  // The low byte is the primary code, the rest is detail.
  const primary = errcode & 0xff;
  const known = meanings.get(primary);
  if (known !== undefined) return known;
  // The text of SQLite's generic code alone says which error it is.
  if (primary === 1 && text.startsWith('no such table')) {
    return ['table_missing', 'The schema is missing: migrations must be applied'];
  }
  if (primary === 1 && /^no such column|has no column named/.test(text)) {
    return ['failed', 'A table lacks a column: another schema version, or another token table'];
  }
  return ['failed', 'The database failed'];
}
