import { text } from '../rows.ts';
import type { MigrationDatabase } from './database.ts';
import { MigrationFiles } from './files.ts';
import { withSchemaLock } from './schema-lock.ts';

interface Applied {
  readonly name: string;
  /** The token table that the migration made, as quoted then. */
  readonly createdTokenTable: string;
}

/** Names of migrations that are not applied yet, oldest first. */
export async function pendingMigrations(database: MigrationDatabase): Promise<string[]> {
  const names = await filesFor(database).names();
  const applied = await appliedMigrations(database);
  return names.filter((name) => !applied.some((migration) => migration.name === name));
}

/**
 * Applies what is pending and resolves to its names. Any number of processes may do so at once:
 * each migration is applied by one of them. Where nothing is pending, nothing is written.
 */
export async function migrate(database: MigrationDatabase): Promise<string[]> {
  if ((await pendingMigrations(database)).length === 0) return [];
  const files = filesFor(database);
  for (const { sql } of await files.bootstrap()) await database.execute({ sql, params: [] });
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
  const statements = await filesFor(database).up(name);
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
 * Takes back the newest migration and resolves to its name, or to undefined where none is applied.
 * A token table goes only if that migration made it, and never with rows in it: then it rejects and
 * leaves everything. For this no process may use the database: what is put meanwhile can be lost.
 */
export async function migrateDown(database: MigrationDatabase): Promise<string | undefined> {
  if ((await appliedMigrations(database)).length === 0) return undefined;
  return withSchemaLock(database, async () => {
    const newest = (await appliedMigrations(database)).at(-1);
    if (newest !== undefined) await takeBack(database, newest);
    return newest?.name;
  });
}

async function takeBack(database: MigrationDatabase, migration: Applied): Promise<void> {
  const files = filesFor(database);
  if (!(await files.names()).includes(migration.name)) {
    throw new Error(
      `The migration ${migration.name} is of another version: take it back with that`,
    );
  }
  const table = database.tokenTable.quoted;
  const created = migration.createdTokenTable === table;
  const statements = await files.down(migration.name);
  const wanted = statements.filter((statement) => created || !statement.ifTokenTableCreated);
  if (wanted.some((statement) => statement.ifTokenTableCreated)) {
    await refuseWhereRows(database, table);
  }
  await database.apply([
    ...wanted.map(({ sql }) => ({ sql, params: [] })),
    { sql: 'DELETE FROM schema_migrations WHERE name = ?', params: [migration.name] },
  ]);
}

async function refuseWhereRows(database: MigrationDatabase, table: string): Promise<void> {
  if (!(await database.hasTable(table))) return;
  const { rows } = await database.execute({ sql: `SELECT 1 FROM ${table} LIMIT 1`, params: [] });
  if (rows.length > 0) {
    throw new Error(`The token table ${table} holds rows and is not dropped: delete them first`);
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

function filesFor(database: MigrationDatabase): MigrationFiles {
  return new MigrationFiles(database.dialect, database.tokenTable.quoted);
}
