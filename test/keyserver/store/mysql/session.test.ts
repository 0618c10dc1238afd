import { mock } from 'node:test';
import mariadb from 'mariadb';
import t, { type Test } from 'tap';
import { mysqlConnections } from '../../../../keyserver/store/mysql/connections.ts';
import { type MysqlStoreOptions, openMysqlStore } from '../../../../keyserver/store/mysql/mysql.ts';
import type { Store } from '../../../../keyserver/store/store.ts';
import { rawConnection, scratchDatabase } from '../../../support/database.ts';
import { pollUntil } from '../../../support/poll-until.ts';
import { startTcpForwarder } from '../../../support/tcp-forwarder.ts';

t.test('a session is strict, in UTF-8, and waits no longer than the store', async (t) => {
  const options = await scratchDatabase(t);
  const connections = mysqlConnections(options, { connections: 1, timeoutMs: 3_500 });
  t.teardown(() => connections.close());
  const raw = await rawConnection(t, options);
  const [{ version }] = await raw.query('SELECT VERSION() AS version');
  const seconds = /mariadb/i.test(version)
    ? '@@SESSION.max_statement_time'
    : '@@SESSION.max_execution_time / 1000';
  const { rows } = await connections.use((session) =>
    session.execute({
      sql:
        'SELECT @@SESSION.sql_mode AS mode, @@SESSION.character_set_client AS charset, ' +
        '@@SESSION.innodb_lock_wait_timeout AS row_lock, @@SESSION.lock_wait_timeout AS table_lock, ' +
        `ROUND(${seconds} * 1000) AS statement`,
      params: [],
    }),
  );
  const [{ mode, charset, ...limits } = {}] = rows;
  t.same(String(mode).split(',').sort(), ['NO_ENGINE_SUBSTITUTION', 'STRICT_ALL_TABLES']);
  t.equal(charset, 'utf8mb4');
  const numbers = Object.entries(limits).map(([name, value]) => [name, Number(value)]);
  t.same(Object.fromEntries(numbers), { row_lock: 3, table_lock: 3, statement: 3_500 });
});

/** The statements that the server executes for the calls of a store; undefined if it may not tell. */
async function statementsOf(
  test: Test,
  options: MysqlStoreOptions,
  calls: () => Promise<unknown>,
): Promise<string[] | undefined> {
  const raw = await rawConnection(test, options);
  try {
    await raw.query("SET GLOBAL log_output = 'TABLE'");
    // Another test may have left what it logged.
    await raw.query('TRUNCATE mysql.general_log');
    await raw.query('SET GLOBAL general_log = ON');
  } catch {
    return undefined;
  }
  await calls();
  await raw.query('SET GLOBAL general_log = OFF');
  const rows: { argument: unknown }[] = await raw.query(
    "SELECT argument FROM mysql.general_log WHERE command_type = 'Execute' ORDER BY event_time",
  );
  return rows.map(({ argument }) => String(argument));
}

/** MariaDB's log shows no values: those of the token that is looked for, and a number for anything else. */
function withValues(sql: string): string {
  const [head = '', ...rest] = sql.split('?');
  let text = head;
  for (const after of rest) {
    const [client, type] = [text.lastIndexOf('client_id'), text.lastIndexOf('token_type')];
    const isName = text.slice(Math.max(client, type)).split(' ').length < 8 && client + type > 0;
    text += `${isName ? (client > type ? "'acme 7'" : "'ozon'") : 60}${after}`;
  }
  return text;
}

interface Plan {
  readonly table: string | null;
  readonly type: string | null;
}

/** Calls that read or write rows by their names or numbers; documents are few, and read as a whole. */
const indexed: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  'a token': (store) => store.findTokens('acme 7', 'ozon'),
  'tokens at once': (store) =>
    Promise.all([7, 8, 9].map((n) => store.findTokens(`acme ${n}`, 'ozon'))),
  'a new secret': (store) => store.putToken({ clientId: 'acme 7', tokenType: 'ozon', token: 'y' }),
  'a deleted token': (store) => store.deleteToken('acme 11', 'ozon'),
  changes: (store) => store.changesSince(60),
  'the counter': (store) => store.position(),
};

t.test('finds rows by the key, of binary columns or of text', async (t) => {
  const options = await scratchDatabase(t);
  const raw = await rawConnection(t, options);
  await raw.query(
    'CREATE TABLE texts (client_id VARCHAR(200), token_type VARCHAR(200), token TEXT, ' +
      'PRIMARY KEY (client_id, token_type)) CHARACTER SET utf8mb4',
  );
  const binary = openMysqlStore(options);
  const texts = openMysqlStore({ ...options, tokenTable: `${options.database}.texts` });
  t.teardown(() => Promise.all([binary.close(), texts.close()]));
  await binary.migrate();
  for (const [name, store] of Object.entries({ binary, texts })) {
    for (let n = 0; n < 40; n += 1) {
      await store.putToken({ clientId: `acme ${n}`, tokenType: 'ozon', token: 'x' });
    }
    for (const [what, call] of Object.entries(indexed)) {
      const statements = await statementsOf(t, options, () => call(store));
      if (statements === undefined) {
        t.pass('plans', { skip: 'the user may not switch the log of the server on' });
        return;
      }
      const explained = statements.filter((sql) => /^(?:SELECT|UPDATE|DELETE)/.test(sql));
      t.ok(explained.length > 0, `${name}: ${what} needs statements`);
      for (const sql of explained) {
        const plan: Plan[] = await raw.query(`EXPLAIN ${withValues(sql)}`);
        const isWalk = ({ table, type }: Plan) =>
          (type === 'ALL' || type === 'index') && !/^<|^documents$/.test(table ?? '<none>');
        t.same(plan.filter(isWalk), [], `${name}: ${sql}`);
      }
    }
  }
});

t.test(
  'a connection that hangs is given up, and the next unit of work has a new one',
  async (t) => {
    const options = await scratchDatabase(t);
    const forwarder = await startTcpForwarder(t, [options.port]);
    const server = { ...options, host: '127.0.0.1', port: forwarder.port };
    const connections = mysqlConnections(server, { connections: 1, timeoutMs: 1_000 });
    t.teardown(() => connections.close());
    const select = () =>
      connections.use((session) => session.execute({ sql: 'SELECT 1 AS one', params: [] }));
    await select();
    forwarder.forget();
    await t.rejects(select(), { name: 'StoreError', kind: 'timeout' });
    t.match(await select(), { rows: [{ one: 1 }] });
    t.equal(forwarder.accepted, 2, 'none is opened to kill what hangs');
  },
);

t.test('a connection whose last transaction is never rolled back is given up, too', async (t) => {
  const options = await scratchDatabase(t);
  const forwarder = await startTcpForwarder(t, [options.port]);
  const server = { ...options, host: '127.0.0.1', port: forwarder.port };
  const connections = mysqlConnections(server, { connections: 1, timeoutMs: 1_000 });
  t.teardown(() => connections.close());
  await connections.use(async (session) => {
    await session.query('START TRANSACTION');
    forwarder.forget();
  });
  const select = () => connections.use((session) => session.query('DO 0'));
  const isFree = () =>
    select().then(
      () => true,
      () => false,
    );
  await t.resolves(pollUntil('the pool has a connection', isFree, Boolean, 10_000));
});

t.test('a session that is held has the timeout for each statement, not for all', async (t) => {
  const options = await scratchDatabase(t);
  const connections = mysqlConnections(options, { connections: 1, timeoutMs: 2_000 });
  t.teardown(() => connections.close());
  await t.resolves(
    connections.hold(async (session) => {
      for (let i = 0; i < 2; i += 1) await session.query('DO SLEEP(1.1)');
    }),
  );
});

t.test('a pool lets idle connections go after a minute, and follows no redirect', async (t) => {
  const created = mock.method(mariadb, 'createPool');
  t.teardown(() => created.mock.restore());
  const options = await scratchDatabase(t);
  const connections = mysqlConnections(options, { connections: 1, timeoutMs: 1_000 });
  t.teardown(() => connections.close());
  // In seconds.
  const given = { idleTimeout: 60, minimumIdle: 0, connectionLimit: 1, permitRedirect: false };
  t.match(created.mock.calls[0]?.arguments[0], given);
});

t.test('a change that waited too long is made again from its start', async (t) => {
  const options = await scratchDatabase(t);
  const store = openMysqlStore(options);
  t.teardown(() => store.close());
  await store.migrate();
  const raw = await rawConnection(t, options);
  // A lock wait timeout ends its statement alone; a session keeps its variables.
  await raw.query(
    'CREATE TRIGGER waits BEFORE INSERT ON storage FOR EACH ROW IF @waited IS NULL THEN ' +
      "SET @waited = 1; SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1205; END IF",
  );
  await store.putToken({ clientId: 'acme', tokenType: 'ozon', token: 'x' });
  t.match(await store.changesSince(0), [{ seq: 1, id: 'acme' }]);
});

t.test('a report waits for no row of another process', async (t) => {
  const options = { ...(await scratchDatabase(t)), timeoutMs: 2000 };
  const store = openMysqlStore(options);
  t.teardown(() => store.close());
  await store.migrate();
  const report = { id: 'a', beat: 2, kid: 'k', body: '{}', mac: 'x' };
  await store.putReplica({ ...report, id: 'other' });
  await store.putReplica({ ...report, id: 'old' });
  const raw = await rawConnection(t, options);
  await raw.query("UPDATE replicas SET seen_at = seen_at - 3700 WHERE id = 'old'");
  await raw.beginTransaction();
  await raw.query("SELECT * FROM replicas WHERE id = 'other' FOR UPDATE");
  await store.putReplica({ ...report, beat: 1 });
  t.same(
    (await store.replicas()).map(({ id }) => id),
    ['a', 'other'],
    'those of long ago are forgotten all the same',
  );
  await raw.rollback();
});
