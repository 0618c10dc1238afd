import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { openMysqlStore } from '../../../../keyserver/store/mysql/mysql.ts';
import { openSqliteStore } from '../../../../keyserver/store/sqlite/sqlite.ts';
import type { Store } from '../../../../keyserver/store/store.ts';
import {
  eachStore,
  scratchDatabase,
  scratchFile,
  testTimeoutMs,
} from '../../../support/database.ts';

const row = { clientId: 'acme', tokenType: 'ozon', token: 'x' };
const all = ['0001_initial', '0002_history', '0003_replicas', '0004_images'];

/** Takes every migration back; resolves to the last one. */
async function allDown(store: Store): Promise<string | undefined> {
  for (const name of all.toReversed().slice(0, -1)) t.equal(await store.migrateDown(), name);
  return store.migrateDown();
}

t.test('goes up, down and up again', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore({ migrated: false });
    t.same(await store.pendingMigrations(), all);
    t.equal(await store.migrateDown(), undefined, 'there is nothing to take back yet');
    t.same(await store.migrate(), all);
    t.same(await store.pendingMigrations(), []);
    t.same(await store.migrate(), [], 'the second time there is nothing to do');
    await store.putToken(row);
    await store.deleteToken('acme', 'ozon');
    t.equal(await allDown(store), '0001_initial');
    t.same(await store.pendingMigrations(), all);
    await t.rejects(store.findTokens('acme', 'ozon'), { message: /schema is missing/ });
    t.equal(await store.migrateDown(), undefined);
    t.same(await store.migrate(), all);
    t.equal(await store.lastSeq(), 0);
    await store.putToken(row);
    t.equal((await store.findTokens('acme', 'ozon')).length, 1);
  }),
);

t.test('never drops a token table that holds rows', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await store.putToken(row);
    await t.rejects(allDown(store), { kind: 'tokens_stored', message: /`storage` has rows/ });
    t.same(await store.pendingMigrations(), all.slice(1));
    t.same(await store.findTokens('acme', 'ozon'), [row]);
    t.equal(await store.lastSeq(), 1, 'the rest is left as well');
  }),
);

t.test('never drops a token table that it did not make', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    await execute(
      'CREATE TABLE storage (client_id VARCHAR(90), token_type VARCHAR(90), token TEXT)',
    );
    const store = await openStore();
    t.equal(await allDown(store), '0001_initial');
    await t.resolves(execute("INSERT INTO storage VALUES ('a', 'b', 'c')"), 'it is there');
  }),
);

t.test('never drops a token table under another name than it made', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    await execute('CREATE TABLE other (client_id VARCHAR(90), token_type VARCHAR(90), token TEXT)');
    await openStore();
    const store = await openStore({ tokenTable: 'other' });
    await allDown(store);
    await t.resolves(execute('DELETE FROM other'));
    await t.resolves(execute('DELETE FROM storage'));
  }),
);

t.test('makes the token table again after one was dropped by hand', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await execute('DROP TABLE storage');
    await t.rejects(store.findTokens('acme', 'ozon'), { message: /schema is missing/ });
    t.equal(await allDown(store), '0001_initial');
    await store.migrate();
    t.same(await store.findTokens('acme', 'ozon'), []);
  }),
);

t.test('takes over the lock that a process left when it died', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await execute("UPDATE schema_lock SET owner = 'gone', expires_at = 1");
    t.equal(await store.migrateDown(), all.at(-1));
  }),
);

t.test('waits for the process that migrates', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await execute("UPDATE schema_lock SET owner = 'busy', expires_at = 99999999999");
    const down = store.migrateDown();
    for (let reads = 0; reads < 20; reads += 1) await store.lastSeq();
    t.same(await store.pendingMigrations(), [], 'so far nothing was taken back');
    await execute("UPDATE schema_lock SET owner = '', expires_at = 0");
    t.equal(await down, all.at(-1));
  }),
);

t.test('stops where another process has taken the lock away', async (t) => {
  const file = scratchFile(t);
  const database = new DatabaseSync(file);
  database.exec(
    'CREATE TABLE schema_lock (id INTEGER PRIMARY KEY, owner TEXT, expires_at INTEGER)',
  );
  database.exec(
    'CREATE TRIGGER steal AFTER UPDATE ON schema_lock BEGIN ' +
      "UPDATE schema_lock SET owner = 'thief', expires_at = 99999999999; END",
  );
  database.close();
  const store = openSqliteStore({ file, tokenTable: 'storage', timeoutMs: testTimeoutMs });
  t.teardown(() => store.close());
  await t.rejects(store.migrate(), { kind: 'locked', message: /lock was lost/ });
  t.same(await store.pendingMigrations(), all);
});

t.test('the lease of the lock exceeds the minute that a migration may take', async (t) => {
  const file = scratchFile(t);
  const store = openSqliteStore({ file, tokenTable: 'storage', timeoutMs: testTimeoutMs });
  t.teardown(() => store.close());
  await store.migrate();
  const database = new DatabaseSync(file);
  t.teardown(() => database.close());
  database.exec('CREATE TABLE leases (seconds INTEGER)');
  database.exec(
    'CREATE TRIGGER lease AFTER UPDATE ON schema_lock BEGIN ' +
      'INSERT INTO leases SELECT NEW.expires_at - unixepoch() WHERE NEW.expires_at > 0; END',
  );
  await store.migrateDown();
  const leases = database.prepare('SELECT DISTINCT seconds FROM leases').all();
  t.match(leases, [{ seconds: 90 }]);
});

t.test('leaves a migration of another version to that version', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await execute("INSERT INTO schema_migrations VALUES ('9999_later', 1, NULL)");
    t.same(await store.pendingMigrations(), []);
    await t.rejects(store.migrateDown(), {
      kind: 'migration_unknown',
      message: /9999_later belongs to another version/,
    });
    t.equal(await store.lastSeq(), 0);
  }),
);

t.test('is applied once where many processes migrate at once', async (t) => {
  const database = await scratchDatabase(t);
  const file = scratchFile(t);
  const kinds: [string, object, Store][] = [
    ['mysql', database, openMysqlStore(database)],
    [
      'sqlite',
      { file, tokenTable: 'storage', timeoutMs: testTimeoutMs },
      openSqliteStore({ file, tokenTable: 'storage', timeoutMs: testTimeoutMs }),
    ],
  ];
  for (const [kind, config, store] of kinds) {
    await t.test(kind, async (t) => {
      t.teardown(() => store.close());
      const processes = Array.from({ length: 3 }, () => {
        const child = fork(join(import.meta.dirname, 'migrate-process.ts'));
        child.send(config);
        return Promise.all([once(child, 'message'), once(child, 'exit')]);
      });
      const applied: unknown[] = [];
      for (const [[names], [code]] of await Promise.all(processes)) {
        t.equal(code, 0);
        applied.push(...names);
      }
      t.same(applied, all, 'by one of them');
      t.same(await store.pendingMigrations(), []);
      t.equal(await store.lastSeq(), 0);
    });
  }
});

t.test('the history begins with a random id, which goes and comes anew', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await store.editDocument('app', 'a', (_, revision) => ({
      kind: 'app',
      id: 'a',
      revision,
      kid: 'k',
      body: '{}',
      mac: 'x',
    }));
    const first = await store.position();
    t.match(first, { seq: 1, history: /^[0-9a-f-]{36}$/ });
    t.equal(await store.migrateDown(), '0004_images');
    t.equal(await store.migrateDown(), '0003_replicas');
    t.equal(await store.migrateDown(), '0002_history', 'no documents are lost with it');
    await t.rejects(store.position(), { name: 'StoreError', kind: 'table_missing' });
    t.same(await store.migrate(), all.slice(1));
    const second = await store.position();
    t.equal(second.seq, 1);
    t.not(second.history, first.history);
  }),
);
