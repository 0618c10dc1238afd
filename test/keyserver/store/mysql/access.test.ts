import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { type MysqlStoreOptions, openMysqlStore } from '../../../../keyserver/store/mysql/mysql.ts';
import type { Store } from '../../../../keyserver/store/store.ts';
import { rawConnection, scratchDatabase } from '../../../support/database.ts';
import { ask } from '../../../support/mysql-server.ts';

function open(t: Test, options: MysqlStoreOptions): Store {
  const store = openMysqlStore(options);
  t.teardown(() => store.close());
  return store;
}

function printed(error: unknown): string {
  return error instanceof Error ? `${error.stack} ${error.message} ${printed(error.cause)}` : '';
}

async function refusal(call: Promise<unknown>): Promise<Error> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('was not refused');
}

t.test('says that the password is wrong, and not which it was', async (t) => {
  const options = await scratchDatabase(t);
  const password = randomBytes(12).toString('hex');
  const error = await refusal(open(t, { ...options, password }).lastSeq());
  t.match(error, {
    name: 'StoreError',
    kind: 'failed',
    message: 'The database rejects the user or the password (ER_ACCESS_DENIED_ERROR)',
  });
  t.ok(error.cause, 'the cause is kept for the log');
  t.notOk(printed(error).includes(password));
});

t.test('says that the database does not exist', async (t) => {
  const options = await scratchDatabase(t);
  const store = open(t, { ...options, database: 'absent' });
  await t.rejects(store.lastSeq(), { kind: 'failed', message: /does not exist/ });
});

t.test('says that a privilege lacks, and shows no value', async (t) => {
  const options = await scratchDatabase(t);
  await open(t, options).migrate();
  const user = `reader_${randomBytes(4).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  await ask(options, `CREATE USER ${user}@'%' IDENTIFIED BY '${password}'`);
  t.teardown(() => ask(options, `DROP USER ${user}@'%'`));
  await ask(options, `GRANT SELECT, UPDATE ON ${options.database}.* TO ${user}@'%'`);
  const store = open(t, { ...options, user, password });
  t.equal(await store.lastSeq(), 0);
  t.same(await store.migrate(), [], 'a schema that is there asks for no more rights');
  const token = randomBytes(12).toString('hex');
  const error = await refusal(store.putToken({ clientId: 'acme', tokenType: 'ozon', token }));
  t.match(error, {
    name: 'StoreError',
    kind: 'privilege_missing',
    message: /lacks the privilege INSERT on the table storage \(/,
  });
  t.notOk(printed(error).includes(token));
});

t.test('does not take a table that it may not see for one that is missing', async (t) => {
  const options = await scratchDatabase(t);
  await open(t, options).migrate();
  const user = `guest_${randomBytes(4).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  await ask(options, `CREATE USER ${user}@'%' IDENTIFIED BY '${password}'`);
  t.teardown(() => ask(options, `DROP USER ${user}@'%'`));
  await ask(options, `GRANT SELECT ON ${options.database}.documents TO ${user}@'%'`);
  const store = open(t, { ...options, user, password });
  t.same(await store.documents(), []);
  await t.rejects(store.pendingMigrations(), {
    kind: 'privilege_missing',
    message: /lacks the privilege SELECT on the table schema_migrations/,
  });
});

t.test('says that the token table has other columns', async (t) => {
  const options = await scratchDatabase(t);
  await ask(options, 'CREATE TABLE storage (client VARCHAR(9), token TEXT)');
  const store = open(t, options);
  await store.migrate();
  await t.rejects(store.findTokens('acme', 'ozon'), {
    kind: 'failed',
    message: /lacks a column/,
  });
});

t.test('gives up on a row that others hold, in time', async (t) => {
  const options = await scratchDatabase(t);
  const store = open(t, { ...options, timeoutMs: 1500 });
  await store.migrate();
  const row = { clientId: 'acme', tokenType: 'ozon', token: 'x' };
  const other = await rawConnection(t, options);
  await other.query('START TRANSACTION');
  await other.query('UPDATE change_counter SET seq = 100');
  await t.rejects(store.putToken(row), { name: 'StoreError', kind: /^(?:locked|timeout)$/ });
  t.same(await store.findTokens('acme', 'ozon'), [], 'reads are not held up');
  await other.query('ROLLBACK');
  await t.resolves(store.putToken(row));
});

/** Error numbers of a transaction that lost against another one, which the servers roll back. */
const losses = {
  'a deadlock, or a certification conflict of Galera': 1213,
  'another one of Galera': 1180,
  'one of group replication': 3101,
  'the wait for a lock': 1205,
  "the check of MariaDB's snapshot": 1020,
};

t.test('runs a transaction again that lost', async (t) => {
  const options = await scratchDatabase(t);
  const store = open(t, options);
  await store.migrate();
  await ask(options, 'CREATE TABLE tries (n INT) ENGINE = MyISAM');
  let seq = 0;
  for (const [what, number] of Object.entries(losses)) {
    await ask(options, 'DELETE FROM tries');
    // The trigger makes the first tries fail so.
    await ask(
      options,
      'CREATE TRIGGER lose BEFORE INSERT ON storage FOR EACH ROW BEGIN ' +
        'INSERT INTO tries VALUES (1); ' +
        'IF (SELECT COUNT(*) FROM tries) < 3 THEN ' +
        `SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = ${number}, MESSAGE_TEXT = 'lost'; END IF; END`,
    );
    const row = { clientId: `acme ${number}`, tokenType: 'ozon', token: 'x' };
    t.equal(await store.putToken(row), false, what);
    t.equal(await ask(options, 'SELECT COUNT(*) AS answer FROM tries'), '3');
    seq += 1;
    t.equal(await store.lastSeq(), seq, 'and counts it once');
    await ask(options, 'DROP TRIGGER lose');
  }
});

t.test('gives up on a transaction that loses every time', async (t) => {
  const options = await scratchDatabase(t);
  const store = open(t, options);
  await store.migrate();
  await ask(
    options,
    'CREATE TRIGGER lose BEFORE INSERT ON changes FOR EACH ROW ' +
      "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'lost'",
  );
  const row = { clientId: 'acme', tokenType: 'ozon', token: 'x' };
  await t.rejects(store.putToken(row), {
    kind: 'locked',
    message: /locked by others/,
  });
  t.same(await store.findTokens('acme', 'ozon'), []);
  t.equal(await store.lastSeq(), 0);
});

t.test('takes revisions beyond 32 bits', async (t) => {
  const options = await scratchDatabase(t);
  const store = open(t, options);
  await store.migrate();
  const seq = 2 ** 53 - 2;
  await ask(options, `UPDATE change_counter SET seq = ${seq}`);
  const row = { clientId: 'acme', tokenType: 'ozon', token: 'x' };
  await store.putToken(row);
  t.match(await store.changesSince(seq), [{ seq: seq + 1 }]);
  t.same(await store.changesSince(seq + 1), []);
  await t.rejects(store.putToken(row), Error, 'what JavaScript cannot count is refused');
  t.equal(await store.lastSeq(), seq + 1);
});

t.test('says that a row is longer than max_allowed_packet', async (t) => {
  const options = await scratchDatabase(t);
  await open(t, options).migrate();
  const before = await ask(options, 'SELECT @@GLOBAL.max_allowed_packet AS answer');
  await ask(options, 'SET GLOBAL max_allowed_packet = 65536');
  t.teardown(() => ask(options, `SET GLOBAL max_allowed_packet = ${before}`));
  const store = open(t, options);
  const row = { clientId: 'acme', tokenType: 'ozon', token: 'x'.repeat(100_000) };
  await t.rejects(store.putToken(row), {
    kind: 'too_large',
    message: /max_allowed_packet of the database: raise it/,
  });
  t.equal(await store.putToken({ ...row, token: 'short' }), false, 'and goes on');
});

t.test('says that the server is read-only', async (t) => {
  const options = await scratchDatabase(t);
  const store = open(t, options);
  await store.migrate();
  const user = `writer_${randomBytes(4).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  await ask(options, `CREATE USER ${user}@'%' IDENTIFIED BY '${password}'`);
  await ask(options, `GRANT ALL ON ${options.database}.* TO ${user}@'%'`);
  t.teardown(() => ask(options, `DROP USER ${user}@'%'`));
  await ask(options, 'SET GLOBAL read_only = 1');
  t.teardown(() => ask(options, 'SET GLOBAL read_only = 0'));
  await t.rejects(
    open(t, { ...options, user, password }).putToken({
      clientId: 'acme',
      tokenType: 'ozon',
      token: 'x',
    }),
    { kind: 'read_only', message: /read-only/ },
  );
});
