import { type Database, storeOn, type Work } from '../access/store-on.ts';
import type { MigrationDatabase } from '../migrations/database.ts';
import { integer, text } from '../rows.ts';
import type { Dialect, KeyColumn, Outcome, SqlCoroutine, Statement } from '../statements.ts';
import type { Store, StoreOptions, Value } from '../store.ts';
import { isStoreError } from '../store-error.ts';
import { parseTableName, type TableName } from '../table-name.ts';
import type { TokenColumn } from '../token-columns.ts';
import { findTokensOfAll } from '../token-statements.ts';
import { coalesced } from './coalesced-lookups.ts';
import type { MysqlServer } from './connection-config.ts';
import { type MysqlConnections, type MysqlSession, mysqlConnections } from './connections.ts';
import { missingIndex, tableKey } from './table-key.ts';

export interface MysqlStoreOptions extends StoreOptions, MysqlServer {
  /** Maximum of connections; default 8. */
  readonly connections?: number | undefined;
}

/** Retries of a transaction that lost a conflict; all of them count against the timeout. */
const maxConflictRetries = 4;
/** Timeout of a migration's statement, whose DDL may have to copy a table, and of thousands of rows. */
const patientTimeoutMs = 60_000;

/**
 * A store on a MySQL-protocol server: MySQL from 8.0, MariaDB from 10.4, and their clusters. It
 * connects on first use.
 * @throws StoreError table_name_invalid
 */
export function openMysqlStore(options: MysqlStoreOptions): Store {
  const { timeoutMs, connections = 8 } = options;
  const tokenTable = parseTableName(options.tokenTable, { withDatabase: true });
  const dialect = mysqlDialect(tokenTable);
  const pool = mysqlConnections(options, { connections, timeoutMs });
  const work = workOn(() => pool);
  let patient: MysqlConnections | undefined;
  const patiently = () => {
    patient ??= mysqlConnections(options, { connections: 2, timeoutMs: patientTimeoutMs });
    return patient;
  };
  const keyed = { pool, tokenTable, dialect };
  const key = () => tableKey(keyed);
  const findTokens = coalesced((names) => work.read(() => findTokensOfAll(dialect, names)));
  const database: Database = {
    description: `mysql://${options.host}:${options.port}/${options.database}, table ${options.tokenTable}`,
    ...{ dialect, key, ...work },
    patient: workOn(patiently),
    // Each statement is a transaction of its own, so that none waits with a lock.
    note: (steps) => retryConflicts(() => work.read(steps)),
    findTokens: (clientId, tokenType) => findTokens({ clientId, tokenType }),
    atOnce: (read) =>
      patiently().hold(async (session) => {
        await session.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
        await session.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
        try {
          return await read({ dialect, key, read: (steps) => drive(session, steps()) });
        } finally {
          await session.query('ROLLBACK').catch(() => {});
        }
      }),
    columns: () => tokenColumns(pool, tokenTable),
    missingIndex: (rows) => missingIndex(keyed, rows),
    migrations: migrationDatabase(tokenTable, pool),
    migrating: async (run) => {
      // With the short timeout first, so that an unreachable server fails fast.
      await pool.use((session) => session.query('DO 0'));
      const alone = mysqlConnections(options, { connections: 1, timeoutMs: patientTimeoutMs });
      try {
        return await run(migrationDatabase(tokenTable, alone));
      } finally {
        await alone.close();
      }
    },
    async close() {
      await pool.close();
      await patient?.close();
    },
  };
  return storeOn(database);
}

function mysqlDialect(tokenTable: TableName): Dialect {
  return {
    tokenTable: tokenTable.quoted,
    now: 'UNIX_TIMESTAMP()',
    tokenHead: "CAST(SUBSTRING_INDEX(SUBSTR(token, 1, 71), '.', 2) AS BINARY)",
    forUpdate: ' FOR UPDATE',
    // Correct for columns of any type, but no index serves it.
    exact: (column) => `CAST(CONVERT(${column} USING utf8mb4) AS BINARY)`,
    bytes: (name) => (name instanceof Uint8Array ? name : Buffer.from(String(name), 'utf8')),
    equalsText: (column) => `${column} = CONVERT(${column} USING utf8mb4) COLLATE utf8mb4_bin`,
    after: rowsAfter,
    insertNew: 'INSERT IGNORE',
    legacyCopy: {
      ...tokenTable.legacyCopy,
      definition:
        '(client_id VARBINARY(1020) NOT NULL, token_type VARBINARY(1020) NOT NULL, ' +
        'token LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, ' +
        'PRIMARY KEY (client_id, token_type)) ENGINE = InnoDB ROW_FORMAT = DYNAMIC',
    },
  };
}

/** Each column by itself, since a comparison of row values uses no index. */
function rowsAfter(columns: readonly KeyColumn[], values: readonly Value[]): Statement {
  const branches = columns.map(({ sql, param }, i) => {
    const equal = columns.slice(0, i).map((column) => `${column.sql} = ${column.param}`);
    return {
      sql: `(${[...equal, `${sql} > ${param}`].join(' AND ')})`,
      params: values.slice(0, i + 1),
    };
  });
  return {
    sql: `(${branches.map(({ sql }) => sql).join(' OR ')})`,
    params: branches.flatMap(({ params }) => params),
  };
}

const textTypes = /^(?:var)?char|^varbinary|text$|blob$/;

/** Empty if the user may not see the table, or it is missing. */
async function tokenColumns(
  pool: MysqlConnections,
  { database, table }: TableName,
): Promise<TokenColumn[]> {
  const { rows } = await pool.use((session) =>
    session.execute({
      sql:
        'SELECT column_name AS name, data_type AS type, column_type AS full_type, ' +
        'character_maximum_length AS max_chars, ' +
        "is_nullable = 'NO' AND column_default IS NULL AND " +
        "extra NOT LIKE '%auto_increment%' AND extra NOT LIKE '%GENERATED%' AS required " +
        'FROM information_schema.columns ' +
        'WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? ORDER BY ordinal_position',
      params: [database ?? null, table],
    }),
  );
  return rows.map((row) => ({
    name: text(row, 'name'),
    type: text(row, 'full_type').toUpperCase(),
    keepsText: textTypes.test(text(row, 'type').toLowerCase()),
    maxChars: Number.isNaN(integer(row, 'max_chars')) ? undefined : integer(row, 'max_chars'),
    isRequired: integer(row, 'required') === 1,
  }));
}

function workOn(connections: () => MysqlConnections): Work {
  return {
    read: (steps) => connections().use((session) => drive(session, steps())),
    change: (steps) =>
      connections().use((session) => retryConflicts(() => transact(session, steps))),
  };
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
    // If this fails too, the connection is lost and the server rolls back by itself.
    await session.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

async function retryConflicts<T>(run: () => Promise<T>): Promise<T> {
  for (let left = maxConflictRetries; ; left -= 1) {
    try {
      return await run();
    } catch (error) {
      if (left === 0 || !isStoreError(error, 'locked')) throw error;
    }
  }
}

function migrationDatabase(tokenTable: TableName, pool: MysqlConnections): MigrationDatabase {
  const execute = (statement: Statement) =>
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
          if (isStoreError(error, 'table_missing')) return false;
          throw error;
        }
      }),
  };
}
