const namePattern = /^[A-Za-z_][A-Za-z0-9_$]{0,63}$/;

/** Tables of the schema other than the token table (migrations/). */
export const ownTables = [
  'documents',
  'changes',
  'change_counter',
  'schema_migrations',
  'schema_lock',
] as const;

/** The token table's checked name, apart and quoted for SQL. */
export interface TableName {
  /** The database (MySQL), where the name says one. */
  readonly database: string | undefined;
  readonly table: string;
  /** With back-ticks, which MySQL and SQLite both read whatever the SQL mode. */
  readonly quoted: string;
}

/**
 * Checks a token table's name, `[A-Za-z_][A-Za-z0-9_$]{0,63}` or, where `withDatabase`, also two of
 * these with a dot between. Throws a RangeError for any other, and for a name of {@link ownTables}.
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
    throw new RangeError(`The token table's name must be ${form}, and not begin with a digit`);
  }
  if (ownTables.some((own) => own === table.toLowerCase())) {
    throw new RangeError(
      `The token table cannot be called ${table}: the schema has a table of that name`,
    );
  }
  const quoted = database === undefined ? `\`${table}\`` : `\`${database}\`.\`${table}\``;
  return { database, table, quoted };
}
