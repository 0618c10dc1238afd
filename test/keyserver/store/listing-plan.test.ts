import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { openMysqlStore } from '../../../keyserver/store/mysql/mysql.ts';
import { openSqliteStore } from '../../../keyserver/store/sqlite/sqlite.ts';
import type { Dialect } from '../../../keyserver/store/statements.ts';
import { tokensAfter } from '../../../keyserver/store/token-statements.ts';
import { rawConnection, scratchDatabase, scratchFile } from '../../support/database.ts';

/** The statement of a page after another. */
function pageOf(exact: (column: string) => string, bytes: Dialect['bytes']) {
  const dialect = { tokenTable: '`storage`', exact, bytes } as Dialect;
  const last = { client_id: bytes('shop-1'), token_type: bytes('ozon') };
  const { value } = tokensAfter(dialect, last, 500).next();
  return value as { readonly sql: string; readonly params: readonly (string | Uint8Array)[] };
}

// A page that is sorted reads the whole table, which takes minutes for a million rows.
t.test('an index gives the order of each page of tokens', async (t) => {
  const file = scratchFile(t);
  const sqlite = openSqliteStore({ file, tokenTable: 'storage', timeoutMs: 5000 });
  await sqlite.migrate();
  await sqlite.close();
  const text = pageOf((column) => `${column} COLLATE BINARY`, String);
  const database = new DatabaseSync(file);
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${text.sql}`).all(...text.params);
  database.close();
  t.same(
    plan.map(({ detail }) => detail),
    ['SEARCH storage USING PRIMARY KEY (client_id>?)'],
  );

  const options = await scratchDatabase(t);
  const mysql = openMysqlStore(options);
  t.teardown(() => mysql.close());
  await mysql.migrate();
  const rows = Array.from({ length: 2000 }, (_, n) => ({
    ...{ clientId: `shop-${n}`, tokenType: 'ozon', token: 'x' },
  }));
  await mysql.putTokens({ rows, isSame: () => false, announce: false });
  const connection = await rawConnection(t, options);
  const binary = pageOf(
    (column) => column,
    (name) => Buffer.from(String(name)),
  );
  const [explained] = await connection.execute(`EXPLAIN ${binary.sql}`, binary.params.slice());
  t.equal(explained.key, 'PRIMARY');
  t.notMatch(String(explained.Extra), /filesort|temporary/);
});
