/** Why the store could not do what was asked, as far as callers treat the causes differently. */
export type StoreErrorKind =
  /** No answer within `timeoutMs`. */
  | 'timeout'
  /** Others hold a row, a table, the file or the schema lock, or won every conflict; a retry can succeed. */
  | 'locked'
  | 'table_missing'
  | 'privilege_missing'
  /** A replica, or a server or file that takes no writes. */
  | 'read_only'
  /** A row is longer than the server takes in one packet. */
  | 'too_large'
  | 'no_room'
  /** The operator's own token table cannot hold this row. */
  | 'row_unfit'
  | 'table_name_invalid'
  /** Taking the migration back would drop documents. */
  | 'documents_stored'
  /** Taking the migration back would drop tokens. */
  | 'tokens_stored'
  /** The newest applied migration is not one of this version. */
  | 'migration_unknown'
  /** The database is behind what was read from it before: a replica that lags, or a restored copy. */
  | 'behind'
  /** Any other cause; the message says which. */
  | 'failed';

/**
 * The one error of every store. `message` is a sentence for operators without SQL or values; the
 * driver's error is the `cause`, for the log only.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly kind: StoreErrorKind;

  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** `seq` is the change counter that was read. */
export class BehindError extends StoreError {
  readonly seq: number;

  constructor(seq: number) {
    super(
      'behind',
      'The database is behind what was read from it before: a replica that lags, or a restored copy, ' +
        'which needs keyserver-admin history new',
    );
    this.seq = seq;
  }
}

export function isStoreError(error: unknown, kind: StoreErrorKind): error is StoreError {
  return error instanceof StoreError && error.kind === kind;
}

const columnCalled = (name: string | undefined) =>
  `${name === undefined ? 'A column' : `The column ${name}`} of the token table`;

/** Sentences of errors that both databases have; a column without a name is one that is not known. */
export const sentences = {
  schemaMissing: 'The schema is missing: migrations must be applied',
  columnMissing: 'A table lacks a column: another schema version, or another token table',
  columnMistyped: (name?: string) =>
    `${columnCalled(name)} is of a type that cannot hold this value`,
  columnRequired: (name?: string) =>
    `${columnCalled(name)} must have a value that nobody gives: let it be NULL, or give it a default`,
  columnShort: (name?: string) => `${columnCalled(name)} is too short for this value: widen it`,
  columnNarrow: (name?: string) =>
    `${columnCalled(name)} cannot hold these characters: make it utf8mb4`,
};
