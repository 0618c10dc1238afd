import t, { type Test } from 'tap';
import { openMysqlStore } from '../../../../keyserver/store/mysql/mysql.ts';
import type { Store } from '../../../../keyserver/store/store.ts';
import { rawConnection, scratchDatabase } from '../../../support/database.ts';
import { ask } from '../../../support/mysql-server.ts';

/** A store on a table of these columns that holds `rows`, each `client_id, token_type, token`. */
async function existing(t: Test, columns: string, rows: readonly string[][]): Promise<Store> {
  const options = await scratchDatabase(t);
  const connection = await rawConnection(t, options);
  await connection.query(`CREATE TABLE storage (${columns})`);
  for (const row of rows) await connection.execute('INSERT INTO storage VALUES (?, ?, ?)', row);
  const store = openMysqlStore(options);
  t.teardown(() => store.close());
  await store.migrate();
  return store;
}

async function listed(store: Store): Promise<string[][]> {
  const rows: string[][] = [];
  for await (const row of store.listTokens()) rows.push([row.clientId, row.tokenType, row.token]);
  return rows.sort();
}

for (const charset of ['utf8mb4 COLLATE utf8mb4_general_ci', 'utf8mb3', 'latin1']) {
  t.test(`tells names apart in a table of ${charset}`, async (t) => {
    const column = `VARCHAR(150) CHARACTER SET ${charset}`;
    const store = await existing(
      t,
      `client_id ${column}, token_type ${column}, token TEXT, KEY (client_id, token_type)`,
      [
        ['ACME', 'ozon', 'upper'],
        ['acme', 'ozon', 'lower'],
        ['acme ', 'ozon', 'space'],
        ['acmé', 'ozon', 'accent'],
      ],
    );
    for (const [name, token] of [
      ['ACME', 'upper'],
      ['acme', 'lower'],
      ['acme ', 'space'],
      ['acmé', 'accent'],
    ] as const) {
      t.same(await store.findTokens(name, 'ozon'), [{ clientId: name, tokenType: 'ozon', token }]);
    }
    t.same(await store.findTokens('Acme', 'ozon'), []);
    t.same(await store.findTokens('acme', 'ozon '), []);
    t.same(await store.findTokens('акме', 'ozon'), [], 'also a name that the column cannot hold');
    t.same(await store.findTokens('🛒', '🛒'), []);
    t.equal(await store.deleteToken('🛒', '🛒'), false);

    t.equal(await store.putToken({ clientId: 'acme', tokenType: 'ozon', token: 'new' }), true);
    t.equal(await store.putToken({ clientId: 'Acme', tokenType: 'ozon', token: 'third' }), false);
    t.equal(await store.deleteToken('acme ', 'ozon'), true);
    t.equal(await store.deleteToken('aCME', 'ozon'), false);
    t.same(await listed(store), [
      ['ACME', 'ozon', 'upper'],
      ['Acme', 'ozon', 'third'],
      ['acme', 'ozon', 'new'],
      ['acmé', 'ozon', 'accent'],
    ]);
  });
}

t.test('no name hides the row of another that is asked for at the same time', async (t) => {
  const column = 'VARCHAR(150) CHARACTER SET latin1 COLLATE latin1_general_ci';
  const lookalikes = Array.from({ length: 9 }, (_, i) => ['acme'.padEnd(5 + i), 'ozon', 'x']);
  const store = await existing(
    t,
    `client_id ${column}, token_type ${column}, token TEXT, KEY (client_id, token_type)`,
    [['shop', 'ozon', 'right'], ...lookalikes, ['twice', 'ozon', 'a'], ['twice', 'ozon', 'b']],
  );
  const right = [{ clientId: 'shop', tokenType: 'ozon', token: 'right' }];
  for (const other of ['акме', 'acme', 'ACME', 'SHOP', 'nobody']) {
    const [found, none] = await Promise.all([
      store.findTokens('shop', 'ozon'),
      store.findTokens(other, 'ozon'),
    ]);
    t.same(found, right, `beside ${other}`);
    t.same(none, [], other);
  }
  const [found, twice] = await Promise.all([
    store.findTokens('shop', 'ozon'),
    store.findTokens('twice', 'ozon'),
  ]);
  t.same(found, right);
  t.equal(twice.length, 2, 'so that the reader refuses it');
});

t.test('works on fixed-width, binary and blob columns', async (t) => {
  const store = await existing(
    t,
    'client_id BLOB, token_type CHAR(50) CHARACTER SET utf8mb4, token BLOB',
    [['Ёлка', 'ozon', 'old']],
  );
  const row = { clientId: 'Ёлка', tokenType: 'ozon', token: 'old' };
  t.same(await store.findTokens('Ёлка', 'ozon'), [row]);
  t.equal(await store.putToken({ ...row, token: 'new' }), true);
  t.same(await listed(store), [['Ёлка', 'ozon', 'new']]);
  t.equal(await store.deleteToken('Ёлка', 'ozon'), true);
});

t.test('explains why a table takes no row', async (t) => {
  const store = await existing(
    t,
    'client_id VARCHAR(10) CHARACTER SET latin1, token_type VARCHAR(150), token TEXT, UNIQUE (client_id, token_type)',
    [['acme', 'ozon', 'x']],
  );
  const put = (clientId: string) =>
    store.putToken({ clientId, tokenType: 'ozon', token: 'secret' });
  await t.rejects(put('ACME'), { kind: 'row_unfit', message: /unique key/ });
  await t.rejects(put('акме'), { kind: 'row_unfit', message: /utf8mb4/ });
  await t.rejects(put('x'.repeat(11)), { kind: 'row_unfit', message: /too short/ });
  t.same(await listed(store), [['acme', 'ozon', 'x']], 'nothing was cut to fit');
  t.equal(await store.lastSeq(), 0);
});

t.test('leaves an existing table as it is', async (t) => {
  const options = await scratchDatabase(t);
  await ask(
    options,
    'CREATE TABLE storage (client_id VARCHAR(9), token_type TEXT, token TEXT, more INT)',
  );
  const shape =
    "SELECT GROUP_CONCAT(column_name, ' ', column_type ORDER BY ordinal_position) AS answer " +
    "FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'storage'";
  const before = await ask(options, shape);
  const store = openMysqlStore(options);
  t.teardown(() => store.close());
  await store.migrate();
  t.equal(await ask(options, shape), before);
  await store.migrateDown();
  t.equal(await ask(options, shape), before, 'and does not drop it');
});
