import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MigrationDatabase } from './database.ts';

const upSuffix = '.up.sql';
const guard = '-- @if token_table_created';

interface MigrationStatement {
  readonly sql: string;
  /** True for a statement to run only if this migration created the token table. */
  readonly ifTokenTableCreated: boolean;
}

/** Names of a dialect's migrations in the order to apply them: `0001_initial`. */
export async function migrationNames({ dialect }: MigrationDatabase): Promise<string[]> {
  const files = await readdir(join(import.meta.dirname, dialect));
  return files
    .filter((file) => file.endsWith(upSuffix))
    .map((file) => file.slice(0, -upSuffix.length))
    .sort();
}

/**
 * Reads `bootstrap`, `NAME.up` or `NAME.down`; the quoted token table replaces `{token_table}`, and a random
 * id, which statement-based replication copies, `{random_id}`.
 */
export async function migrationStatements(
  { dialect, tokenTable }: MigrationDatabase,
  name: string,
): Promise<MigrationStatement[]> {
  const content = await readFile(join(import.meta.dirname, dialect, `${name}.sql`), 'utf8');
  return content
    .replaceAll('{token_table}', tokenTable.quoted)
    .replaceAll('{random_id}', randomUUID())
    .split(/;[ \t]*\n/)
    .map(parseStatement)
    .filter(({ sql }) => sql !== '');
}

function parseStatement(chunk: string): MigrationStatement {
  const lines = chunk.split('\n');
  return {
    sql: lines
      .filter((line) => !line.startsWith('--'))
      .join('\n')
      .trim(),
    ifTokenTableCreated: lines.includes(guard),
  };
}
