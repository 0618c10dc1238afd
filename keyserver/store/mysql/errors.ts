import { SqlError } from 'mariadb';
import { StoreError, type StoreErrorKind, sentences } from '../store-error.ts';
import { unreadableAnswer } from './contained-errors.ts';

/** A sentence, or one made of the server's own text, which can quote values. */
type Sentence = string | ((text: string) => string);

/** Error numbers of MySQL, MariaDB and, from 45000, the connector. */
const meanings: readonly (readonly [StoreErrorKind, Sentence, ...numbers: number[]])[] = [
  ['timeout', 'The database timed out', 1317, 1969, 3024, 45012, 45026, 45028],
  // Deadlock, lock wait timeout, MariaDB's snapshot check, and certification conflicts between
  // nodes (Galera: 1213, 1180; group replication: 3101). The transaction was rolled back.
  ['locked', 'The row stayed locked by others', 1020, 1180, 1205, 1213, 3101],
  ['table_missing', sentences.schemaMissing, 1146],
  ['privilege_missing', deniedPrivilege, 1142, 1143],
  ['privilege_missing', 'The database user lacks a privilege', 1044, 1227, 1370],
  ['read_only', 'The database is read-only', 1290, 1792, 1836],
  [
    'too_large',
    'The row is longer than max_allowed_packet of the database: raise it',
    ...[1153, 45046],
  ],
  ['row_unfit', sameKey, 1062],
  ['row_unfit', unstorable, 1366],
  ['row_unfit', (text) => sentences.columnMistyped(columnIn(text)), 1264, 1265, 1292],
  ['row_unfit', (text) => sentences.columnShort(columnIn(text)), 1406],
  ['row_unfit', requiredColumn, 1048, 1364],
  [
    'row_unfit',
    'A constraint or a trigger of the token table rejects this row',
    ...[1216, 1452, 1644, 3819, 4025],
  ],
  ['failed', 'The database rejects the user or the password', 1045, 1251, 1524, 1698, 4151],
  [
    'failed',
    'The database takes the password only over TLS, or with allowPublicKeyRetrieval',
    45044,
  ],
  ['failed', 'The database does not exist', 1049],
  ['failed', sentences.columnMissing, 1054],
  ['failed', 'The database has too many connections', 1040, 1203, 1226],
  ['failed', 'The cluster node is not ready', 1047],
  ['no_room', 'The database has no room left', 1021, 1114],
  ['failed', 'The store is closed', 45027, 45035, 45037],
];

/** The names in these texts are of the schema; only the last place is looked at, after every value. */
function columnIn(text: string): string | undefined {
  return /\b(client_id|token_type|token)\W+at row \d+$/.exec(text)?.[1];
}

function sameKey(text: string): string {
  const [, key] = / for key '(?:[\w$]+\.)?([\w$]+)'$/.exec(text) ?? [];
  return (
    `Another row has the same value in ${key === undefined ? 'a unique key' : `the unique key ${key}`} ` +
    'of the token table. If the key ignores case, accents or trailing spaces, or holds numbers, give ' +
    'client_id and token_type a binary type or collation; if it lacks one of them, add it'
  );
}

function unstorable(text: string): string {
  const isText = text.startsWith('Incorrect string value');
  return (isText ? sentences.columnNarrow : sentences.columnMistyped)(columnIn(text));
}

function requiredColumn(text: string): string {
  return sentences.columnRequired(/^(?:Field|Column) '([\w$]+)'/.exec(text)?.[1]);
}

function deniedPrivilege(text: string): string {
  const [, command] = /^([A-Z]+(?:, [A-Z]+)*) command denied/.exec(text) ?? [];
  const [, table] = / (?:for|in) table [`']?(?:[\w$]+[`']?\.[`']?)?([\w$]+)[`']?$/.exec(text) ?? [];
  if (command === undefined || table === undefined) return 'The database user lacks a privilege';
  return `The database user lacks the privilege ${command} on the table ${table}`;
}

const byNumber = new Map(
  meanings.flatMap(([kind, sentence, ...numbers]) =>
    numbers.map((number) => [number, { kind, sentence }] as const),
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
  // The connector rejects so if an answer does not fit to what it asked.
  if (typeof error === 'number') return new StoreError('failed', `The database failed (${error})`);
  if (!isOfConnector(error)) return error;
  const origin = rootCause(error);
  const { kind, sentence } = byNumber.get(origin.errno) ?? {
    kind: 'failed' as const,
    sentence: otherMessage(error, origin),
  };
  const message = typeof sentence === 'string' ? sentence : sentence(origin.text);
  return new StoreError(kind, `${message} (${origin.code})`, { cause: error });
}

/** An error of the socket, such as a reset, is the system's own, which the connector only marks. */
type ConnectorError = SqlError | (Error & { readonly fatal: boolean });

function isOfConnector(error: unknown): error is ConnectorError {
  return error instanceof SqlError || (error instanceof Error && 'fatal' in error);
}

function otherMessage(error: ConnectorError, { code }: Origin): string {
  if (/CERT|VERIFY|_SSL_|TLS/.test(code))
    return 'The database offers no TLS that the CA vouches for';
  if (code === unreadableAnswer) return 'The database answered what nothing can read';
  return error.fatal || error.cause !== undefined
    ? 'The database cannot be reached'
    : 'The database failed';
}

interface Origin {
  /** The server's or the connector's number; 0 for an error of the system or of TLS. */
  readonly errno: number;
  readonly code: string;
  /** The server's sentence; empty if there is none. */
  readonly text: string;
}

/** The innermost cause: the pool wraps the error that kept it from connecting. */
function rootCause(error: Error): Origin {
  let inner: Error = error;
  while (inner.cause instanceof Error) inner = inner.cause;
  const { errno, code, sqlMessage } = inner as Error & Partial<Record<string, unknown>>;
  return {
    errno: typeof errno === 'number' ? errno : 0,
    code: typeof code === 'string' ? code : inner.name,
    text: typeof sqlMessage === 'string' ? sqlMessage : '',
  };
}
