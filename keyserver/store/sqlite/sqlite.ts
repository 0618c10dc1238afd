import { tokenBatches } from '../all-tokens.ts';
import { documents, editDocument } from '../document-statements.ts';
import type { MigrationDatabase } from '../migrations/database.ts';
import { migrate, migrateDown, pendingMigrations } from '../migrations/migrate.ts';
import type { Dialect, Outcome, SqlCoroutine } from '../statements.ts';
import * as statements from '../statements.ts';
import type { MigrateDownOptions, Store, StoreOptions } from '../store.ts';
import { parseTableName, type TableName } from '../table-name.ts';
import * as tokens from '../token-statements.ts';
import { SqliteConnection } from './connection.ts';

export interface SqliteStoreOptions extends StoreOptions {
  /** Path of the database; created with mode 0600 if it is missing. Its folder must exist. */
  readonly file: string;
}

/**
 * A store in one SQLite file, which several processes of one host can use at once. It is opened on
 * first use; waiting for another process's change blocks, for at most `timeoutMs`.
 * @throws StoreError table_name_invalid
 */
export function openSqliteStore({ file, tokenTable: name, timeoutMs }: SqliteStoreOptions): Store {
  const tokenTable = parseTableName(name, { withDatabase: false });
  const connection = new SqliteConnection(file, timeoutMs);
  const dialect: Dialect = {
    tokenTable: tokenTable.quoted,
    forUpdate: '',
    exact: (column) => `${column} COLLATE BINARY`,
    bytes: String,
  };
  const database = migrationDatabase(tokenTable, connection);
  const read = async <T>(steps: SqlCoroutine<T>): Promise<T> => connection.drive(steps);
  const change = async <T>(steps: SqlCoroutine<Outcome<T>>): Promise<T> =>
    connection.transact(steps);

  return {
    description: `sqlite ${file}, table ${name}`,

    migrate: () => migrate(database),
    migrateDown: (down?: MigrateDownOptions) => migrateDown(database, down),
    pendingMigrations: () => pendingMigrations(database),

    findTokens: (clientId, tokenType) => read(tokens.findTokens(dialect, clientId, tokenType)),
    async *listTokens() {
      yield* await read(tokens.namelessTokens(dialect));
      yield* tokenBatches((last, limit) => read(tokens.tokensAfter(dialect, last, limit)));
    },
    putToken: (row) => change(tokens.putToken(dialect, row)),
    deleteToken: (clientId, tokenType) => change(tokens.deleteToken(dialect, clientId, tokenType)),

    documents: () => read(documents()),
    editDocument: (kind, id, edit) => change(editDocument(dialect, kind, id, edit)),

    lastSeq: () => read(statements.lastSeq()),
    changesSince: (seq) => read(statements.changesSince(seq)),
    hasRows: () => read(statements.hasRows(dialect)),

    close: async () => connection.close(),
  };
}

function migrationDatabase(tokenTable: TableName, connection: SqliteConnection): MigrationDatabase {
  return {
    dialect: 'sqlite',
    tokenTable,
    now: 'unixepoch()',
    execute: async (statement) => connection.execute(statement),
    apply: async (list) => {
      connection.transact(asCoroutine(list));
    },
    hasTable: async (table) => {
      const { rows } = connection.execute({
        sql: "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE",
        params: [table.replaceAll('`', '')],
      });
      return rows.length > 0;
    },
  };
}

function* asCoroutine(list: readonly statements.Statement[]): SqlCoroutine<Outcome<void>> {
  for (const statement of list) yield statement;
  return { changed: true, value: undefined };
}
