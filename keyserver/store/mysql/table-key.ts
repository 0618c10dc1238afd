import { integer, type Row, text } from '../rows.ts';
import type { Dialect, KeyColumn } from '../statements.ts';
import type { TableName } from '../table-name.ts';
import { sortingKey, type TableKey } from '../token-pages.ts';
import type { MysqlConnections } from './connections.ts';

const maxIndexBytes = 3072;

interface KeyedTable {
  readonly pool: MysqlConnections;
  readonly tokenTable: TableName;
  readonly dialect: Dialect;
}

/** The best order for a walk: a unique index, an index of client and perhaps type, or none. */
export async function tableKey({ pool, tokenTable, dialect }: KeyedTable): Promise<TableKey> {
  const { rows } = await pool.use((session) =>
    session.execute({
      sql:
        'SELECT s.index_name AS name, s.non_unique AS is_shared, s.column_name AS col, ' +
        "s.nullable = 'YES' AS may_be_null, c.column_type AS type, " +
        "s.index_type = 'BTREE' AND s.sub_part IS NULL AND s.collation = 'A' AS gives_order " +
        'FROM information_schema.statistics AS s LEFT JOIN information_schema.columns AS c ' +
        'ON c.table_schema = s.table_schema AND c.table_name = s.table_name AND c.column_name = s.column_name ' +
        'WHERE s.table_schema = COALESCE(?, DATABASE()) AND s.table_name = ? ' +
        "ORDER BY s.index_name <> 'PRIMARY', s.index_name, s.seq_in_index",
      params: [tokenTable.database ?? null, tokenTable.table],
    }),
  );
  const keys = [...Map.groupBy(rows, (row) => text(row, 'name')).values()].map(keyOf);
  return (
    keys.find(({ by }) => by === 'unique') ??
    keys.find(({ by }) => by === 'index') ??
    sortingKey(dialect)
  );
}

/** The columns of an index up to the first that cannot be compared with parameters as it is ordered. */
function keyOf(index: readonly Row[]): TableKey {
  const columns: KeyColumn[] = [];
  for (const row of index) {
    const param = integer(row, 'gives_order') === 1 ? paramOf(text(row, 'type')) : undefined;
    if (param === undefined) break;
    columns.push({ sql: `\`${text(row, 'col').replaceAll('`', '``')}\``, param });
  }
  const isUnique = index.every(
    (row) => integer(row, 'is_shared') === 0 && integer(row, 'may_be_null') === 0,
  );
  if (isUnique && columns.length === index.length) return { columns, by: 'unique' };
  // Other columns may be NULL in rows that calls use.
  const other = columns.findIndex((column) => !isName(column));
  const names = other < 0 ? columns : columns.slice(0, other);
  return { columns: names, by: names.some(isClient) ? 'index' : 'sort' };
}

const isClient = ({ sql }: KeyColumn) => sql.toLowerCase() === '`client_id`';
const isName = (column: KeyColumn) =>
  isClient(column) || column.sql.toLowerCase() === '`token_type`';

/** Undefined for a type that is ordered in another way, such as ENUM. */
function paramOf(type: string): string | undefined {
  // Otherwise it is compared as DOUBLE.
  const [decimal] = /^decimal\(\d+,\d+\)/i.exec(type) ?? [];
  if (decimal !== undefined) return `CAST(? AS ${decimal})`;
  return /^\w*(?:int|char|binary)\b/i.test(type) ? '?' : undefined;
}

export async function missingIndex(table: KeyedTable, rows: number): Promise<string | undefined> {
  const { by } = await tableKey(table);
  if (by !== 'sort') return undefined;
  const { pool, tokenTable } = table;
  const { database, table: name, quoted } = tokenTable;
  return pool.use(async (session) => {
    const { rows: found } = await session.execute({
      sql:
        `SELECT column_type AS type, COALESCE(character_octet_length, 0) <= ${maxIndexBytes} AS fits ` +
        `FROM information_schema.columns WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? ` +
        "AND column_name = 'client_id' AND EXISTS (SELECT 1 FROM " +
        `${quoted} LIMIT 1 OFFSET ${rows})`,
      params: [database ?? null, name],
    });
    const [client] = found;
    if (client === undefined) return undefined;
    return integer(client, 'fits') === 1 && paramOf(text(client, 'type')) !== undefined
      ? `CREATE INDEX by_client ON ${quoted} (client_id)`
      : `ALTER TABLE ${quoted} ADD COLUMN row_id BIGINT NOT NULL AUTO_INCREMENT UNIQUE`;
  });
}
