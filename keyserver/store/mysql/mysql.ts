import { documents, editDocument } from '../document-statements.ts';
import type { MigrationDatabase } from '../migrations/database.ts';
import { migrate, migrateDown, pendingMigrations } from '../migrations/migrate.ts';
import { type Row, text } from '../rows.ts';
import type { Dialect, Outcome, SqlCoroutine } from '../statements.ts';
import * as statements from '../statements.ts';
import type { Store, StoreOptions } from '../store.ts';
import { parseTableName, type TableName } from '../table-name.ts';
import { tokenBatches } from '../token-batches.ts';
import * as tokens from '../token-statements.ts';
import {
  type MysqlConnections,
  type MysqlServer,
  type MysqlSession,
  mysqlConnections,
} from './connections.ts';
import { isConflict, isMissingTable } from './errors.ts';
import { TokenLookups } from './token-lookups.ts';

export interface MysqlStoreOptions extends StoreOptions, MysqlServer {
  /** Most connections at once; default 8. */
  readonly connections?: number | undefined;
}

/** How often a transaction that lost against another is run again; each wait counts to the timeout. */
const conflictRetries = 4;
/** Bound for one migration, whose DDL may have to copy a table. */
const migrationTimeoutMs = 60_000;

/**
 * A store on a MySQL-protocol server: MySQL from 8.0, MariaDB from 10.4, and their clusters. It
 * connects when first used. Throws a RangeError for a token table's name that it cannot take.
 */
export function openMysqlStore(options: MysqlStoreOptions): Store {
  const { timeoutMs, connections = 8 } = options;
  const tokenTable = parseTableName(options.tokenTable, { withDatabase: true });
  const dialect = mysqlDialect(tokenTable, exactText);
  const pool = mysqlConnections(options, { connections, timeoutMs });
  const read = <T>(steps: () => SqlCoroutine<T>) => pool.use((session) => drive(session, steps()));
  const change = <T>(steps: () => SqlCoroutine<Outcome<T>>) =>
    pool.use((session) => retryConflicts(() => transact(session, steps)));
  const lookups = new TokenLookups((names) => read(() => tokens.findTokensOfAll(dialect, names)));

  return {
    description: `mysql://${options.host}:${options.port}/${options.database}, table ${options.tokenTable}`,

    migrate: () => migrating(options, tokenTable, pool, migrate),
    migrateDown: () => migrating(options, tokenTable, pool, migrateDown),
    pendingMigrations: () => pendingMigrations(migrationDatabase(tokenTable, pool)),

    findTokens: (clientId, tokenType) => lookups.find({ clientId, tokenType }),
    async *listTokens() {
      const exact = await keyExpression(pool, tokenTable);
      const listing = mysqlDialect(tokenTable, exact);
      yield* await read(() => tokens.namelessTokens(listing));
      yield* tokenBatches((last, limit) => read(() => tokens.tokensAfter(listing, last, limit)));
    },
    putToken: (row) => change(() => tokens.putToken(dialect, row)),
    deleteToken: (clientId, tokenType) =>
      change(() => tokens.deleteToken(dialect, clientId, tokenType)),

    documents: () => read(documents),
    editDocument: (kind, id, edit) => change(() => editDocument(dialect, kind, id, edit)),

    lastSeq: () => read(statements.lastSeq),
    changesSince: (seq) => read(() => statements.changesSince(seq)),
    hasRows: () => read(() => statements.hasRows(dialect)),

    close: () => pool.close(),
  };
}

function mysqlDialect(tokenTable: TableName, exact: (column: string) => string): Dialect {
  return {
    tokenTable: tokenTable.quoted,
    forUpdate: ' FOR UPDATE',
    exact,
    bytes: (name) => (name instanceof Uint8Array ? name : Buffer.from(String(name), 'utf8')),
  };
}

/** Right for columns of any type; but no index serves it. */
function exactText(column: string): string {
  return `CAST(CONVERT(${column} USING utf8mb4) AS BINARY)`;
}

/** {@link exactText}, or the plain column where both keys are binary: then the key gives the order. */
async function keyExpression(
  pool: MysqlConnections,
  { database, table }: TableName,
): Promise<(column: string) => string> {
  const { rows } = await pool.use((session) =>
    session.execute({
      sql:
        'SELECT data_type AS type FROM information_schema.columns ' +
        'WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? ' +
        "AND column_name IN ('client_id', 'token_type')",
      params: [database ?? null, table],
    }),
  );
  const binary = (row: Row) => text(row, 'type').toLowerCase() === 'varbinary';
  return rows.length === 2 && rows.every(binary) ? (column) => column : exactText;
}

async function drive<T>(session: MysqlSession, steps: SqlCoroutine<T>): Promise<T> {
  let next = steps.next();
  while (!next.done) next = steps.next(await session.execute(next.value));
  return next.value;
}

async function transact<T>(
  session: MysqlSession,
  steps: () => SqlCoroutine<Outcome<T>>,
): Promise<T> {
  await session.query('START TRANSACTION');
  try {
    const outcome = await drive(session, steps());
    await session.query(outcome.changed ? 'COMMIT' : 'ROLLBACK');
    return outcome.value;
  } catch (error) {
    // Where even this fails the connection is lost, and the server rolls back by itself.
    await session.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

async function retryConflicts<T>(run: () => Promise<T>): Promise<T> {
  for (let left = conflictRetries; ; left -= 1) {
    try {
      return await run();
    } catch (error) {
      if (left === 0 || !isConflict(error)) throw error;
    }
  }
}

async function migrating<T>(
  options: MysqlStoreOptions,
  tokenTable: TableName,
  pool: MysqlConnections,
  run: (database: MigrationDatabase) => Promise<T>,
): Promise<T> {
  // First in the short time: a server that is away shall not take the long one.
  await pool.use((session) => session.query('DO 0'));
  const patient = mysqlConnections(options, { connections: 1, timeoutMs: migrationTimeoutMs });
  try {
    return await run(migrationDatabase(tokenTable, patient));
  } finally {
    await patient.close();
  }
}

function migrationDatabase(tokenTable: TableName, pool: MysqlConnections): MigrationDatabase {
  const execute = (statement: statements.Statement) =>
    pool.use((session) => retryConflicts(() => session.execute(statement)));
  return {
    dialect: 'mysql',
    tokenTable,
    now: 'UNIX_TIMESTAMP()',
    execute,
    async apply(list) {
      for (const statement of list) await execute(statement);
    },
    hasTable: (table) =>
      pool.use(async (session) => {
        try {
          await session.execute({ sql: `SELECT 1 FROM ${table} LIMIT 1`, params: [] });
          return true;
        } catch (error) {
          if (isMissingTable(error)) return false;
          throw error;
        }
      }),
  };
}
