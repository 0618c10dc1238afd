import { fork } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { openSqliteStore } from '../../../../keyserver/store/sqlite/sqlite.ts';
import type { Store } from '../../../../keyserver/store/store.ts';
import { scratchFile } from '../../../support/database.ts';

const row = { clientId: 'acme', tokenType: 'ozon', token: 'x' };

function open(t: Test, file: string, timeoutMs = 1500): Store {
  const store = openSqliteStore({ file, tokenTable: 'storage', timeoutMs });
  t.teardown(() => store.close());
  return store;
}

t.test('makes the file readable to its owner alone', async (t) => {
  const file = scratchFile(t);
  const store = open(t, file);
  t.throws(() => statSync(file), 'nothing is made before it is used');
  await store.migrate();
  await store.putToken(row);
  for (const name of [file, `${file}-wal`, `${file}-shm`]) {
    t.equal(statSync(name).mode & 0o777, 0o600, name);
  }
});

t.test('keeps what it stored', async (t) => {
  const file = scratchFile(t);
  const first = open(t, file);
  await first.migrate();
  await first.putToken(row);
  await first.close();
  const second = open(t, file);
  t.same(await second.findTokens('acme', 'ozon'), [row]);
  t.equal(await second.lastSeq(), 1);
});

t.test('lets another process write beside it', async (t) => {
  const file = scratchFile(t);
  const store = open(t, file);
  await store.migrate();
  const child = fork(join(import.meta.dirname, 'writer.ts'), [file, '50']);
  const exited = once(child, 'exit');
  for (let n = 0; n < 50; n += 1) {
    await store.putToken({ ...row, clientId: `ours ${n}` });
    await new Promise(setImmediate);
  }
  t.same(await exited, [0, null]);
  t.equal(await store.lastSeq(), 100);
  t.equal((await store.changesSince(0)).length, 100);
  t.same(await store.findTokens('theirs 49', 'ozon'), [{ ...row, clientId: 'theirs 49' }]);
});

t.test('gives up on a file that another process keeps locked', async (t) => {
  const file = scratchFile(t);
  const store = open(t, file, 50);
  await store.migrate();
  const other = new DatabaseSync(file);
  other.exec('BEGIN IMMEDIATE');
  await t.rejects(store.putToken(row), { kind: 'locked', message: /locked/ });
  t.same(await store.findTokens('acme', 'ozon'), [], 'reads go on');
  other.exec('COMMIT');
  other.close();
  await t.resolves(store.putToken(row));
});

t.test('opens a file that comes later', async (t) => {
  const folder = join(t.testdir({}), 'later');
  const store = open(t, join(folder, 'store.db'));
  await t.rejects(store.lastSeq(), {
    kind: 'failed',
    message: 'The database file cannot be opened (ENOENT)',
  });
  t.testdir({ later: {} });
  t.same(await store.migrate(), ['0001_initial', '0002_history', '0003_replicas', '0004_images']);
});

t.test('refuses a file that is something else', async (t) => {
  const file = scratchFile(t);
  writeFileSync(file, 'a letter to the editor, and by no means a database'.repeat(50));
  await t.rejects(open(t, file).migrate(), {
    kind: 'failed',
    message: /not a SQLite database/,
  });
});

t.test('says that the token table has other columns', async (t) => {
  const file = scratchFile(t);
  const database = new DatabaseSync(file);
  database.exec('CREATE TABLE storage (client TEXT, token TEXT)');
  database.close();
  const store = open(t, file);
  await store.migrate();
  const missing = { name: 'StoreError', message: /lacks a column/ };
  await t.rejects(store.findTokens('acme', 'ozon'), missing);
});

t.test('takes a name like :memory: for a file', async (t) => {
  const folder = t.testdir({});
  const before = process.cwd();
  process.chdir(folder);
  t.teardown(() => process.chdir(before));
  await open(t, ':memory:').migrate();
  t.ok(statSync(join(folder, ':memory:')).size > 0);
});

t.test('tells names apart in a table that ignores case', async (t) => {
  const file = scratchFile(t);
  const database = new DatabaseSync(file);
  database.exec(
    'CREATE TABLE storage (client_id TEXT COLLATE NOCASE, token_type TEXT COLLATE NOCASE, token TEXT, UNIQUE (client_id, token_type))',
  );
  database.exec("INSERT INTO storage VALUES ('ACME', 'ozon', 'upper')");
  database.close();
  const store = open(t, file);
  await store.migrate();
  t.same(await store.findTokens('acme', 'ozon'), []);
  t.equal((await store.findTokens('ACME', 'ozon')).length, 1);
  t.equal(await store.deleteToken('acme', 'ozon'), false);
  await t.rejects(store.putToken(row), { kind: 'row_unfit', message: /constraint/ });
  t.equal(await store.lastSeq(), 0);
});

t.test('survives a database that fails in the midst of a change', async (t) => {
  const file = scratchFile(t);
  const store = open(t, file);
  await store.migrate();
  const database = new DatabaseSync(file);
  database.exec(
    "CREATE TRIGGER fail BEFORE INSERT ON changes BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
  );
  await t.rejects(store.putToken(row), Error);
  database.exec('DROP TRIGGER fail');
  database.close();
  t.same(await store.findTokens('acme', 'ozon'), []);
  t.equal(await store.putToken(row), false);
});

t.test('never drops a token table of others whose name differs in case', async (t) => {
  const file = scratchFile(t);
  const database = new DatabaseSync(file);
  t.teardown(() => database.close());
  database.exec('CREATE TABLE storage (client_id TEXT, token_type TEXT, token TEXT)');
  const store = openSqliteStore({ file, tokenTable: 'Storage', timeoutMs: 1500 });
  t.teardown(() => store.close());
  for (const _ of await store.migrate()) await store.migrateDown();
  t.doesNotThrow(() => database.exec('DELETE FROM storage'), 'it is there');
});
