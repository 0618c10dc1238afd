import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { openMysqlStore } from '../../../keyserver/store/mysql/mysql.ts';
import { openSqliteStore } from '../../../keyserver/store/sqlite/sqlite.ts';
import type { Store } from '../../../keyserver/store/store.ts';
import { rawConnection, scratchDatabase, scratchFile } from '../../support/database.ts';

/** Reads all rows in each way; resolves to their number each time. */
async function walks(store: Store): Promise<number[]> {
  let listed = 0;
  for await (const _ of store.listTokens()) listed += 1;
  let paged = 0;
  for await (const page of store.tokenPages()) paged += page.length;
  let backedUp = 0;
  await store.snapshot(async ({ listTokens }) => {
    for await (const _ of listTokens()) backedUp += 1;
  });
  return [listed, paged, backedUp];
}

const rows = 20_000;

/** Shapes that an earlier table can have, and the index that serves each page. */
const mysqlShapes = {
  'client_id VARBINARY(1020) NOT NULL, token_type VARBINARY(1020) NOT NULL, token LONGTEXT, PRIMARY KEY (client_id, token_type)':
    'PRIMARY',
  'id INT AUTO_INCREMENT PRIMARY KEY, client_id VARCHAR(50), token_type VARCHAR(50), token TEXT, KEY by_type (token_type)':
    'PRIMARY',
  'client_id DECIMAL(30,2), token_type VARCHAR(50), token TEXT, PRIMARY KEY (client_id, token_type)':
    'PRIMARY',
  "client_id INT, token_type ENUM('x', 'y'), token TEXT, PRIMARY KEY (client_id, token_type)":
    'PRIMARY',
  'client_id VARCHAR(50), token_type VARCHAR(50), token TEXT, KEY by_name (client_id, token_type)':
    'by_name',
};

// A page that is sorted reads the whole table, which takes minutes for a million rows.
t.test('an index gives the order of each page of tokens, on MariaDB and MySQL', async (t) => {
  const options = await scratchDatabase(t);
  const connection = await rawConnection(t, options);
  await connection.query('SET GLOBAL log_output = "TABLE"');
  for (const [i, [columns, key]] of Object.entries(mysqlShapes).entries()) {
    const tokenTable = `planned_${options.database}_${i}`;
    await connection.query(`CREATE TABLE ${tokenTable} (${columns})`);
    const values = Array.from(
      { length: rows },
      (_, n) => `(${Math.floor(n / 2)}, '${n % 2 === 0 ? 'x' : 'y'}', '${'t'.repeat(200)}')`,
    );
    await connection.query(
      `INSERT INTO ${tokenTable} (client_id, token_type, token) VALUES ${values.join(', ')}`,
    );
    await connection.query(`ANALYZE TABLE ${tokenTable}`);
    const store = openMysqlStore({ ...options, tokenTable });
    await store.migrate();
    await connection.query('SET GLOBAL general_log = 1');
    t.same(await walks(store), [rows, rows, rows]);
    await connection.query('SET GLOBAL general_log = 0');
    await store.close();
    const logged: { sql: string }[] = await connection.query(
      "SELECT CONVERT(argument USING utf8mb4) AS `sql` FROM mysql.general_log WHERE command_type = 'Execute' AND " +
        'argument LIKE ? AND argument LIKE "%ORDER BY%"',
      [`%SELECT%FROM \`${tokenTable}\`%`],
    );
    t.ok(logged.length > 3 * (rows / 500 - 1), `${logged.length} pages`);
    for (const { sql } of [logged[1], logged.at(-3), logged.at(-2)].filter(
      (one) => one !== undefined,
    )) {
      const [plan] = await connection.query(`EXPLAIN ${sql}`);
      t.equal(plan.key, key, sql);
      t.notMatch(String(plan.Extra), /filesort|temporary/, sql);
    }
  }
});

t.test('an index gives the order of each page of tokens, on SQLite', async (t) => {
  const file = scratchFile(t);
  const store = openSqliteStore({ file, tokenTable: 'storage', timeoutMs: 5000 });
  t.teardown(() => store.close());
  await store.migrate();
  const tokens = Array.from({ length: 1200 }, (_, n) => ({
    ...{ clientId: `shop-${n}`, tokenType: 'ozon', token: 'x' },
  }));
  await store.putTokens({ rows: tokens, isSame: () => false, announce: false });
  const prepared = new Set<string>();
  const { prepare } = DatabaseSync.prototype;
  t.teardown(() => {
    DatabaseSync.prototype.prepare = prepare;
  });
  DatabaseSync.prototype.prepare = function (sql) {
    prepared.add(sql);
    return prepare.call(this, sql);
  };
  t.same(await walks(store), [1200, 1200, 1200]);
  DatabaseSync.prototype.prepare = prepare;
  const database = new DatabaseSync(file);
  const plans = [...prepared]
    .filter((sql) => sql.includes('ORDER BY place_0'))
    .map((sql) =>
      database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => detail),
    );
  database.close();
  t.same(plans, [
    ['SCAN storage'],
    ['SEARCH storage USING PRIMARY KEY ((client_id,token_type)>(?,?))'],
  ]);
});
