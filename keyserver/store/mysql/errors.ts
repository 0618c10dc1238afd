import { SqlError } from 'mariadb';
import { StoreUnavailableError } from '../store.ts';

/** Sentences for the operator by error number, MySQL's and MariaDB's; any other is "cannot be used". */
const unavailable: ReadonlyMap<number, string> = new Map(
  Object.entries({
    'The database refuses the user or the password': [1045, 1251, 1524, 1698, 4151],
    'The database user lacks a privilege': [1044, 1142, 1143, 1227, 1370],
    'The database does not exist': [1049],
    'The schema is missing: run keyserver-admin migrate': [1146],
    'A table lacks a column: the schema is not of this version, or the token table is another': [
      1054,
    ],
    'The database has too many connections': [1040, 1203, 1226],
    'The database is read-only': [1290, 1792, 1836],
    'The cluster node is not ready': [1047],
    'The database took too long': [1317, 1969, 3024],
    'The row stayed locked by others': [1020, 1180, 1205, 1213, 3101],
    'The database wants TLS, or allowPublicKeyRetrieval, to take the password': [45044],
  }).flatMap(([sentence, numbers]) => numbers.map((number) => [number, sentence] as const)),
);

/** Values that the operator's own table cannot hold. */
const unfit: ReadonlyMap<number, string> = new Map([
  [
    1062,
    'The token table has a unique key that takes this name and another for one (it ignores case, ' +
      'accents or trailing spaces): give client_id and token_type a binary type or collation',
  ],
  [1366, 'A column of the token table cannot hold these characters: make it utf8mb4'],
  [1406, 'A column of the token table is too short for this value: widen it'],
]);

// Deadlock, lock wait, MariaDB's snapshot check, and what certification makes of a lost conflict
// between nodes (Galera: 1213, 1180; group replication: 3101). The transaction was rolled back.
const conflicts = new Set([1020, 1180, 1205, 1213, 3101]);

/**
 * True where a column's charset cannot hold the text it was compared with (`акме` and a latin1
 * column): no row equals it, but both servers call it an error.
 */
export function isIncomparable(error: unknown): boolean {
  return error instanceof SqlError && (error.errno === 1267 || error.errno === 3854);
}

export function isMissingTable(error: unknown): boolean {
  return error instanceof SqlError && error.errno === 1146;
}

/** True where a transaction lost against another and may be run again. */
export function isConflict(error: unknown): boolean {
  return error instanceof SqlError && conflicts.has(error.errno);
}

/**
 * What to throw for what the connector threw: a StoreUnavailableError with a sentence and the
 * error's code, never its text; a RangeError for a value that does not fit; others as they are.
 */
export function storeError(error: unknown): unknown {
  if (!(error instanceof SqlError)) return error;
  const origin = rootCause(error);
  const misfit = unfit.get(origin.errno);
  if (misfit !== undefined) return new RangeError(misfit);
  const sentence = unavailable.get(origin.errno) ?? otherSentence(error, origin);
  return new StoreUnavailableError(`${sentence} (${origin.code})`, { cause: error });
}

function otherSentence(error: SqlError, { code }: Origin): string {
  if (/CERT|VERIFY|_SSL_|TLS/.test(code))
    return 'The database gives no TLS that its CA vouches for';
  return error.fatal || error.cause !== undefined
    ? 'The database cannot be reached'
    : 'The database failed';
}

interface Origin {
  /** The server's or the connector's number; 0 for an error of the system or of TLS. */
  readonly errno: number;
  readonly code: string;
}

/** What the innermost error says of itself; the pool wraps what kept it from connecting. */
function rootCause(error: SqlError): Origin {
  let inner: Error = error;
  while (inner.cause instanceof Error) inner = inner.cause;
  const { errno, code } = inner as Error & { errno?: unknown; code?: unknown };
  return {
    errno: typeof errno === 'number' ? errno : 0,
    code: typeof code === 'string' ? code : inner.name,
  };
}
