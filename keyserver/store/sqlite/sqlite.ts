import { storeOn, type Work } from '../access/store-on.ts';
import type { MigrationDatabase } from '../migrations/database.ts';
import { integer, text } from '../rows.ts';
import { always, type Dialect, type KeyColumn, type Statement } from '../statements.ts';
import type { Store, StoreOptions, Value } from '../store.ts';
import { parseTableName, type TableName } from '../table-name.ts';
import type { TokenColumn } from '../token-columns.ts';
import { type PagedTable, sortingKey, type TableKey } from '../token-pages.ts';
import { findTokens } from '../token-statements.ts';
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
export function openSqliteStore(options: SqliteStoreOptions): Store {
  const { file, tokenTable: name, timeoutMs, readOnly = false } = options;
  const tokenTable = parseTableName(name, { withDatabase: false });
  const mode = readOnly ? 'reading' : 'durable';
  const connection = new SqliteConnection(file, timeoutMs, mode);
  // A service's report must wait neither for another process's transaction nor for the disk.
  const hasty = new SqliteConnection(file, 0, readOnly ? 'reading' : 'hasty');
  const dialect = sqliteDialect(tokenTable);
  const migrations = migrationDatabase(tokenTable, connection);
  const paged = (from: SqliteConnection): PagedTable => ({
    dialect,
    key: async () => tableKey(from, tokenTable, dialect),
    read: async (steps) => from.drive(steps()),
  });
  const work: PagedTable & Work = {
    ...paged(connection),
    change: async (steps) => connection.transact(steps()),
  };
  return storeOn({
    description: `sqlite ${file}, table ${name}`,
    ...{ ...work, patient: work },
    note: async (steps) => hasty.transact(always(steps())),
    findTokens: (clientId, tokenType) =>
      work.read(() => findTokens(dialect, { clientId, tokenType })),
    atOnce: async (read) => {
      // A connection of its own, since the other one's changes would join its transaction.
      const reader = new SqliteConnection(file, timeoutMs, mode);
      try {
        reader.execute({ sql: 'BEGIN', params: [] });
        return await read(paged(reader));
      } finally {
        reader.close();
      }
    },
    columns: async () => tokenColumns(connection, tokenTable),
    missingIndex: async () => undefined,
    migrations,
    migrating: (run) => run(migrations),
    close: async () => {
      hasty.close();
      connection.close();
    },
  });
}

function sqliteDialect(tokenTable: TableName): Dialect {
  return {
    tokenTable: tokenTable.quoted,
    now: 'unixepoch()',
    tokenHead: "SUBSTR(token, 1, 4 + INSTR(SUBSTR(token, 6, 66), '.'))",
    forUpdate: '',
    // Correct for columns of any affinity, but no index serves it.
    exact: (column) => `CAST(${column} AS TEXT) COLLATE BINARY`,
    bytes: String,
    // Without an affinity, as a parameter.
    equalsText: (column) => `${column} = CAST(${column} AS TEXT) || ''`,
    after: rowsAfter,
    insertNew: 'INSERT OR IGNORE',
    legacyCopy: {
      ...tokenTable.legacyCopy,
      definition:
        '(client_id TEXT NOT NULL, token_type TEXT NOT NULL, token TEXT NOT NULL, ' +
        'PRIMARY KEY (client_id, token_type)) STRICT, WITHOUT ROWID',
    },
  };
}

function rowsAfter(columns: readonly KeyColumn[], values: readonly Value[]): Statement {
  return {
    sql: `((${columns.map(({ sql }) => sql).join(', ')}) > (${columns.map(({ param }) => param).join(', ')}))`,
    params: values,
  };
}

/** The row's number, or the primary key of a table WITHOUT ROWID; a view has neither. */
function tableKey(connection: SqliteConnection, { table }: TableName, dialect: Dialect): TableKey {
  const { rows } = connection.execute({
    sql:
      "SELECT l.type = 'view' AS is_view, l.wr, c.name FROM pragma_table_list(?) AS l " +
      'LEFT JOIN pragma_table_info(l.name) AS c ON c.pk > 0 ORDER BY c.pk',
    params: [table],
  });
  const [first] = rows;
  if (first !== undefined && integer(first, 'is_view') === 1) return sortingKey(dialect);
  const hasRowid = first === undefined || integer(first, 'wr') === 0;
  const columns = hasRowid
    ? ['_rowid_']
    : rows.map((row) => `\`${text(row, 'name').replaceAll('`', '``')}\``);
  return { columns: columns.map((sql) => ({ sql, param: '?' })), by: 'unique' };
}

/** https://sqlite.org/datatype3.html#determination_of_column_affinity, all of numbers in one. */
function affinityOf(type: string): 'number' | 'text' | 'none' {
  if (/INT/i.test(type)) return 'number';
  if (/CHAR|CLOB|TEXT/i.test(type)) return 'text';
  return type === '' || /BLOB/i.test(type) ? 'none' : 'number';
}

function tokenColumns(connection: SqliteConnection, { table }: TableName): TokenColumn[] {
  const { rows } = connection.execute({
    // Hidden columns are generated; a primary key INTEGER numbers itself.
    sql:
      'SELECT name, type, "notnull" AND dflt_value IS NULL AND hidden = 0 ' +
      "AND NOT (pk = 1 AND type = 'INTEGER' COLLATE NOCASE) AS required FROM pragma_table_xinfo(?)",
    params: [table],
  });
  return rows.map((row) => ({
    name: text(row, 'name'),
    type: text(row, 'type') || 'without a type',
    keepsText: affinityOf(text(row, 'type')) !== 'number',
    maxChars: undefined,
    isRequired: integer(row, 'required') === 1,
  }));
}

function migrationDatabase(tokenTable: TableName, connection: SqliteConnection): MigrationDatabase {
  return {
    dialect: 'sqlite',
    tokenTable,
    now: 'unixepoch()',
    execute: async (statement) => connection.execute(statement),
    apply: async (list) =>
      connection.transact(
        (function* () {
          for (const statement of list) yield statement;
          return { changed: true, value: undefined };
        })(),
      ),
    hasTable: async (table) => {
      const { rows } = connection.execute({
        sql: "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE",
        params: [table.replaceAll('`', '')],
      });
      return rows.length > 0;
    },
  };
}
