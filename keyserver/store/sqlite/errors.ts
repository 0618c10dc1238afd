import { StoreError, type StoreErrorKind, sentences } from '../store-error.ts';

type Meaning = readonly [StoreErrorKind, message: string];

/** By primary result code (https://sqlite.org/rescode.html). */
const meanings: ReadonlyMap<number, Meaning> = new Map([
  [3, ['failed', 'The database file cannot be accessed']],
  [5, ['locked', 'The database is locked by another process']],
  [8, ['read_only', 'The database file cannot be written']],
  // Also if there is no room for the file of shared memory, without which nothing is read.
  [10, ['no_room', 'The disk is full, or failed']],
  [11, ['failed', 'The database file is damaged']],
  [13, ['no_room', 'The disk is full']],
  [14, ['failed', 'The database file cannot be opened']],
  [18, ['too_large', 'The row is longer than SQLite takes']],
  [20, ['row_unfit', sentences.columnMistyped()]],
  [26, ['failed', 'The file is not a SQLite database']],
]);

/** Of a constraint; the texts name columns, never values. */
function constraintMeaning(text: string): Meaning {
  const required = /^NOT NULL constraint failed: .*?\.?([\w$]+)$/.exec(text)?.[1];
  if (required !== undefined) return ['row_unfit', sentences.columnRequired(required)];
  const mistyped = /^cannot store \w+ value in \w+ column .*?\.?([\w$]+)$/.exec(text)?.[1];
  if (mistyped !== undefined) return ['row_unfit', sentences.columnMistyped(mistyped)];
  return [
    'row_unfit',
    'The token table has a constraint that rejects this row: give client_id and token_type a text type without collation',
  ];
}

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
  if (primary === 19) return constraintMeaning(text);
  // The text of SQLite's generic code alone says which error it is.
  if (primary === 1 && text.startsWith('no such table')) {
    return ['table_missing', sentences.schemaMissing];
  }
  if (primary === 1 && /^no such column|has no column named/.test(text)) {
    return ['failed', sentences.columnMissing];
  }
  return ['failed', 'The database failed'];
}
