import { SqlError } from 'mariadb';
import { StoreError, type StoreErrorKind } from '../store-error.ts';

interface Meaning {
  readonly kind: StoreErrorKind;
  readonly message: string;
  /** Error numbers of MySQL, MariaDB and, from 45000, the connector. */
  readonly numbers: readonly number[];
}

const meanings: readonly Meaning[] = [
  {
    kind: 'denied',
    message: 'The database rejects the user or the password',
    numbers: [1045, 1251, 1524, 1698, 4151],
  },
  {
    kind: 'denied',
    message: 'The database user lacks a privilege',
    numbers: [1044, 1142, 1143, 1227, 1370],
  },
  {
    kind: 'denied',
    message: 'The database takes the password only over TLS, or with allowPublicKeyRetrieval',
    numbers: [45044],
  },
  { kind: 'database_missing', message: 'The database does not exist', numbers: [1049] },
  {
    kind: 'table_missing',
    message: 'The schema is missing: migrations must be applied',
    numbers: [1146],
  },
  {
    kind: 'column_missing',
    message: 'A table lacks a column: another schema version, or another token table',
    numbers: [1054],
  },
  {
    kind: 'unreachable',
    message: 'The database has too many connections',
    numbers: [1040, 1203, 1226],
  },
  { kind: 'unreachable', message: 'The cluster node is not ready', numbers: [1047] },
  { kind: 'read_only', message: 'The database is read-only', numbers: [1290, 1792, 1836] },
  {
    kind: 'timeout',
    message: 'The database timed out',
    numbers: [1317, 1969, 3024, 45012, 45026, 45028],
  },
  {
    // Deadlock, lock wait timeout, MariaDB's snapshot check, and certification conflicts between
    // nodes (Galera: 1213, 1180; group replication: 3101). The transaction was rolled back.
    kind: 'locked',
    message: 'The row stayed locked by others',
    numbers: [1020, 1180, 1205, 1213, 3101],
  },
  { kind: 'full', message: 'The database has no room left', numbers: [1021, 1114] },
  {
    kind: 'row_unfit',
    message:
      'The token table has a unique key that takes this name and another for the same (it ignores ' +
      'case, accents or trailing spaces): give client_id and token_type a binary type or collation',
    numbers: [1062],
  },
  {
    kind: 'row_unfit',
    message: 'A column of the token table cannot hold these characters: make it utf8mb4',
    numbers: [1366],
  },
  {
    kind: 'row_unfit',
    message: 'A column of the token table is too short for this value: widen it',
    numbers: [1406],
  },
  { kind: 'closed', message: 'The store is closed', numbers: [45027, 45035, 45037] },
];

const byNumber: ReadonlyMap<number, Meaning> = new Map(
  meanings.flatMap((meaning) => meaning.numbers.map((number) => [number, meaning] as const)),
);

/**
 * True if a column's charset cannot hold the text it was compared with (`акме` and a latin1
 * column): no row equals it, but both servers call that an error.
 */
export function isIncomparable(error: unknown): boolean {
  return error instanceof SqlError && (error.errno === 1267 || error.errno === 3854);
}

/** The {@link StoreError} for an error of the connector, without its text; any other error as it is. */
export function mysqlError(error: unknown): unknown {
  if (!(error instanceof SqlError)) return error;
  const origin = rootCause(error);
  const { kind, message } = byNumber.get(origin.errno) ?? otherMeaning(error, origin);
  return new StoreError(kind, `${message} (${origin.code})`, { cause: error });
}

function otherMeaning(error: SqlError, { code }: Origin): Omit<Meaning, 'numbers'> {
  if (/CERT|VERIFY|_SSL_|TLS/.test(code)) {
    return { kind: 'unreachable', message: 'The database offers no TLS that the CA vouches for' };
  }
  return error.fatal || error.cause !== undefined
    ? { kind: 'unreachable', message: 'The database cannot be reached' }
    : { kind: 'failed', message: 'The database failed' };
}

interface Origin {
  /** The server's or the connector's number; 0 for an error of the system or of TLS. */
  readonly errno: number;
  readonly code: string;
}

/** The innermost cause: the pool wraps the error that kept it from connecting. */
function rootCause(error: SqlError): Origin {
  let inner: Error = error;
  while (inner.cause instanceof Error) inner = inner.cause;
  const { errno, code } = inner as Error & { errno?: unknown; code?: unknown };
  return {
    errno: typeof errno === 'number' ? errno : 0,
    code: typeof code === 'string' ? code : inner.name,
  };
}
