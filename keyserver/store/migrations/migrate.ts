import { text } from '../rows.ts';
import type { MigrateDownOptions } from '../store.ts';
import { StoreError, type StoreErrorKind } from '../store-error.ts';
import type { MigrationDatabase } from './database.ts';
import { migrationNames, migrationStatements } from './files.ts';
import { withSchemaLock } from './schema-lock.ts';

interface Applied {
  readonly name: string;
  /** The token table that the migration created, quoted as then; empty if it created none. */
  readonly createdTokenTable: string;
}

export async function pendingMigrations(database: MigrationDatabase): Promise<string[]> {
  const names = await migrationNames(database);
  const applied = await appliedMigrations(database);
  return names.filter((name) => !applied.some((migration) => migration.name === name));
}

/**
 * Applies the pending migrations and resolves to their names. Any number of processes may do so at
 * once: one of them applies each migration. If none is pending, nothing is written.
 */
export async function migrate(database: MigrationDatabase): Promise<string[]> {
  if ((await pendingMigrations(database)).length === 0) return [];
  for (const { sql } of await migrationStatements(database, 'bootstrap')) {
    await database.execute({ sql, params: [] });
  }
  return withSchemaLock(database, async (renew) => {
    const pending = await pendingMigrations(database);
    for (const name of pending) {
      await renew();
      await applyMigration(database, name);
    }
    return pending;
  });
}

async function applyMigration(database: MigrationDatabase, name: string): Promise<void> {
  const table = database.tokenTable.quoted;
  const statements = await migrationStatements(database, `${name}.up`);
  const creates =
    statements.some(({ sql }) => sql.includes(table)) && !(await database.hasTable(table));
  await database.apply([
    ...statements.map(({ sql }) => ({ sql, params: [] })),
    {
      sql: `INSERT INTO schema_migrations (name, applied_at, created_token_table) VALUES (?, ${database.now}, ?)`,
      params: [name, creates ? table : null],
    },
  ]);
}

/**
 * {@link Store.migrateDown}; drops the token table only if that migration created it. No other process
 * may use the database meanwhile: rows that it writes can be lost. @throws StoreError also if a check
 * cannot be made
 */
export async function migrateDown(
  database: MigrationDatabase,
  { dropDocuments = false }: MigrateDownOptions = {},
): Promise<string | undefined> {
  if ((await appliedMigrations(database)).length === 0) return undefined;
  return withSchemaLock(database, async () => {
    const newest = (await appliedMigrations(database)).at(-1);
    if (newest !== undefined) await takeBack(database, newest, dropDocuments);
    return newest?.name;
  });
}

async function takeBack(
  database: MigrationDatabase,
  migration: Applied,
  dropDocuments: boolean,
): Promise<void> {
  if (!(await migrationNames(database)).includes(migration.name)) {
    throw new StoreError(
      'migration_unknown',
      `The migration ${migration.name} belongs to another version: take it back with that one`,
    );
  }
  const table = database.tokenTable.quoted;
  const created = migration.createdTokenTable === table;
  const statements = await migrationStatements(database, `${migration.name}.down`);
  const wanted = statements.filter((statement) => created || !statement.ifTokenTableCreated);
  if (!dropDocuments && wanted.some(({ sql }) => /\bdocuments\b/.test(sql))) {
    await checkEmpty(database, 'documents', 'documents_stored');
  }
  if (wanted.some((statement) => statement.ifTokenTableCreated)) {
    await checkEmpty(database, table, 'tokens_stored');
  }
  await database.apply([
    ...wanted.map(({ sql }) => ({ sql, params: [] })),
    { sql: 'DELETE FROM schema_migrations WHERE name = ?', params: [migration.name] },
  ]);
}

/** @throws StoreError of this kind if the table has rows, and of any other kind if it cannot be read */
async function checkEmpty(
  database: MigrationDatabase,
  table: string,
  kind: StoreErrorKind,
): Promise<void> {
  if (!(await database.hasTable(table))) return;
  const { rows } = await database.execute({ sql: `SELECT 1 FROM ${table} LIMIT 1`, params: [] });
  if (rows.length > 0) {
    throw new StoreError(kind, `The table ${table} has rows, so it is not dropped`);
  }
}

async function appliedMigrations(database: MigrationDatabase): Promise<Applied[]> {
  if (!(await database.hasTable('schema_migrations'))) return [];
  const { rows } = await database.execute({
    sql: 'SELECT name, created_token_table FROM schema_migrations ORDER BY name',
    params: [],
  });
  return rows.map((row) => ({
    name: text(row, 'name'),
    createdTokenTable: text(row, 'created_token_table'),
  }));
}
