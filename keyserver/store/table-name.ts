import { hash } from 'node:crypto';
import { StoreError } from './store-error.ts';

const namePattern = /^[A-Za-z_][A-Za-z0-9_$]{0,63}$/;

/** Tables of the schema other than the token table (migrations/). */
const ownTables = [
  'documents',
  'changes',
  'change_counter',
  'change_history',
  'schema_migrations',
  'schema_lock',
] as const;

/** The token table's checked name, in its parts and quoted for SQL. */
export interface TableName {
  readonly database: string | undefined;
  readonly table: string;
  /** With backticks, which MySQL and SQLite accept in any SQL mode. */
  readonly quoted: string;
  /** The table beside it, of rows as the earlier system had them. */
  readonly legacyCopy: { readonly name: string; readonly quoted: string };
}

const copySuffix = '_before_takeover';
/** The longest name of a table that MySQL and MariaDB take. */
const maxChars = 64;
const digestChars = 16;

/**
 * Parses a token table's name: `[A-Za-z_][A-Za-z0-9_$]{0,63}`, and `withDatabase` also `database.table`.
 * @throws StoreError table_name_invalid, also for a name of {@link ownTables}
 */
export function parseTableName(
  name: string,
  { withDatabase }: { withDatabase: boolean },
): TableName {
  const parts = name.split('.');
  const table = parts.pop() ?? '';
  const database = parts.pop();
  const wellFormed =
    parts.length === 0 &&
    namePattern.test(table) &&
    (database === undefined || (withDatabase && namePattern.test(database)));
  if (!wellFormed) {
    const form = withDatabase
      ? 'letters, digits, _ and $, or database.table'
      : 'letters, digits, _ and $';
    throw invalid(`The token table's name must be ${form}, and not begin with a digit`);
  }
  if (ownTables.some((own) => own === table.toLowerCase())) {
    throw invalid(`The token table cannot be named ${table}: the schema has a table of that name`);
  }
  const copy = copyOf(table);
  const prefix = database === undefined ? '' : `\`${database}\`.`;
  return {
    database,
    table,
    quoted: `${prefix}\`${table}\``,
    legacyCopy: { name: copy, quoted: `${prefix}\`${copy}\`` },
  };
}

/** Distinct for each table: a name that would be too long is cut, and ends with a digest of all of it. */
function copyOf(table: string): string {
  const chars = maxChars - copySuffix.length;
  if (table.length <= chars) return `${table}${copySuffix}`;
  const digest = hash('sha256', table).slice(0, digestChars);
  return `${table.slice(0, chars - digestChars - 1)}_${digest}${copySuffix}`;
}

function invalid(message: string): StoreError {
  return new StoreError('table_name_invalid', message);
}
