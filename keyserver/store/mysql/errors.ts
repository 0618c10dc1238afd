import { SqlError } from 'mariadb';
import { StoreError, type StoreErrorKind } from '../store-error.ts';

type Meaning = readonly [message: string, numbers: readonly number[]];

/** Error numbers of MySQL, MariaDB and, from 45000, the connector. */
const meanings: Readonly<Partial<Record<StoreErrorKind, readonly Meaning[]>>> = {
  timeout: [['The database timed out', [1317, 1969, 3024, 45012, 45026, 45028]]],
  // Deadlock, lock wait timeout, MariaDB's snapshot check, and certification conflicts between
  // nodes (Galera: 1213, 1180; group replication: 3101). The transaction was rolled back.
  locked: [['The row stayed locked by others', [1020, 1180, 1205, 1213, 3101]]],
  table_missing: [['The schema is missing: migrations must be applied', [1146]]],
  row_unfit: [
    [
      'The token table has a unique key that takes this name and another for the same (it ignores ' +
        'case, accents or trailing spaces): give client_id and token_type a binary type or collation',
      [1062],
    ],
    ['A column of the token table cannot hold these characters: make it utf8mb4', [1366]],
    ['A column of the token table is too short for this value: widen it', [1406]],
  ],
  failed: [
    ['The database rejects the user or the password', [1045, 1251, 1524, 1698, 4151]],
    ['The database user lacks a privilege', [1044, 1142, 1143, 1227, 1370]],
    ['The database takes the password only over TLS, or with allowPublicKeyRetrieval', [45044]],
    ['The database does not exist', [1049]],
    ['A table lacks a column: another schema version, or another token table', [1054]],
    ['The database has too many connections', [1040, 1203, 1226]],
    ['The cluster node is not ready', [1047]],
    ['The database is read-only', [1290, 1792, 1836]],
    ['The database has no room left', [1021, 1114]],
    ['The store is closed', [45027, 45035, 45037]],
  ],
};

const byNumber = new Map(
  (Object.keys(meanings) as StoreErrorKind[]).flatMap((kind) =>
    (meanings[kind] ?? []).flatMap(([message, numbers]) =>
      numbers.map((number) => [number, { kind, message }] as const),
    ),
  ),
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
  const { kind, message } = byNumber.get(origin.errno) ?? {
    kind: 'failed',
    message: otherMessage(error, origin),
  };
  return new StoreError(kind, `${message} (${origin.code})`, { cause: error });
}

function otherMessage(error: SqlError, { code }: Origin): string {
  if (/CERT|VERIFY|_SSL_|TLS/.test(code))
    return 'The database offers no TLS that the CA vouches for';
  return error.fatal || error.cause !== undefined
    ? 'The database cannot be reached'
    : 'The database failed';
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
