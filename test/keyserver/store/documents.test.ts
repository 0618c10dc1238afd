import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type MysqlStoreOptions, openMysqlStore } from '../../../keyserver/store/mysql/mysql.ts';
import { openSqliteStore } from '../../../keyserver/store/sqlite/sqlite.ts';
import type { DocumentRow, Store } from '../../../keyserver/store/store.ts';
import {
  eachStore,
  rawConnection,
  scratchDatabase,
  scratchFile,
  testTimeoutMs,
} from '../../support/database.ts';
import { manyNames, rowsOf } from './killed-edit.ts';

const two = [
  { kind: 'app', id: 'a' },
  { kind: 'type', id: 'a' },
] as const;

const row = (at: 0 | 1, revision: number | undefined, body: string): DocumentRow => ({
  ...two[at],
  revision: revision ?? 0,
  kid: 'k',
  body,
  mac: 'm',
});

t.test('changes several documents at once, each under a number of its own', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    await store.editDocuments(two, (current, revisions) => {
      t.same(current, [undefined, undefined]);
      t.same(revisions, [1, 2]);
      return [row(0, revisions[0], 'one'), row(1, revisions[1], 'two')];
    });
    t.same(await store.documents(), [row(0, 1, 'one'), row(1, 2, 'two')]);
    await store.editDocuments([two[1], two[0]], (current, revisions) => {
      t.same(current, [row(1, 2, 'two'), row(0, 1, 'one')], 'in the order of the names');
      return [undefined, row(0, revisions[1], 'three')];
    });
    t.same(await store.documents(), [row(0, 4, 'three')]);
    t.strictSame(await store.changesSince(0), [
      { seq: 1, kind: 'app', id: 'a' },
      { seq: 2, kind: 'type', id: 'a' },
      { seq: 3, kind: 'type', id: 'a' },
      { seq: 4, kind: 'app', id: 'a' },
    ]);
  }),
);

t.test('changes all of them, or none', (t) =>
  eachStore(t, async (t, openStore) => {
    const store = await openStore();
    const fault = new Error('refused');
    await t.rejects(
      store.editDocuments(two, () => {
        throw fault;
      }),
      fault,
    );
    await t.rejects(
      store.editDocuments(two, (_, [first]) => [row(0, first, 'x'), row(1, 7, 'x')]),
      TypeError,
    );
    await store.editDocuments(two, () => [undefined, undefined]);
    t.same(await store.documents(), []);
    t.equal(await store.lastSeq(), 0, 'no number is used up');
    await t.rejects(
      store.editDocuments(manyNames, (_, revisions) => {
        const rows = rowsOf(revisions, 'x');
        const last = rows.at(-1) as DocumentRow;
        const get = () => {
          throw fault;
        };
        // Read when the rows before it are in the table.
        return [...rows.slice(0, -1), Object.defineProperty(last, 'mac', { get })];
      }),
      fault,
    );
    t.same(await store.documents(), []);
  }),
);

t.test('counts on from revisions of a counter that was set back, for several documents', (t) =>
  eachStore(t, async (t, openStore, execute) => {
    const store = await openStore();
    await store.editDocuments(two, (_, [first, second]) => [
      row(0, first, 'x'),
      row(1, second, 'x'),
    ]);
    await execute('UPDATE change_counter SET seq = 0');
    await store.editDocuments(two, (_, revisions) => {
      t.same(revisions, [3, 4]);
      return [row(0, revisions[0], 'y'), row(1, revisions[1], 'y')];
    });
    t.equal(await store.lastSeq(), 4);
  }),
);

/** Runs the edit of `killed-edit.ts` in a process that dies in it. */
function runKilled(settings: object) {
  const script = join(import.meta.dirname, 'killed-edit.ts');
  return spawnSync(process.execPath, [script, JSON.stringify(settings)], { timeout: 60_000 });
}

async function survivesKill(t: Test, store: Store, settings: object): Promise<void> {
  await store.migrate();
  await store.editDocuments(manyNames, (_, revisions) => rowsOf(revisions, 'before'));
  const before = await store.documents();
  t.equal(before.length, manyNames.length);
  const { signal, stderr } = runKilled(settings);
  t.equal(signal, 'SIGKILL', String(stderr));
  t.same(await store.documents(), before, 'nothing was written');
  t.equal(await store.lastSeq(), manyNames.length);
  await store.editDocuments(manyNames, (_, revisions) => rowsOf(revisions, 'after'));
  t.ok(
    (await store.documents()).every(({ body }) => body === 'after'),
    'the next run goes on',
  );
}

t.test('writes nothing if the process is killed in the middle', async (t) => {
  await t.test('mysql', async (t) => {
    const options = await scratchDatabase(t);
    const store = openMysqlStore(options);
    t.teardown(() => store.close());
    await survivesKill(t, store, { engine: 'mysql', ...options });
  });
  await t.test('sqlite', async (t) => {
    const options = { file: scratchFile(t), tokenTable: 'storage', timeoutMs: testTimeoutMs };
    const store = openSqliteStore(options);
    t.teardown(() => store.close());
    await survivesKill(t, store, { engine: 'sqlite', ...options });
  });
});

/** Statements and commits that the server has counted for everybody. */
async function counted(t: Test, options: MysqlStoreOptions) {
  const connection = await rawConnection(t, options);
  const rows: { Variable_name: string; Value: string }[] = await connection.query(
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_stmt_execute', 'Com_commit')",
  );
  return Object.fromEntries(rows.map(({ Variable_name: name, Value }) => [name, Number(Value)]));
}

t.test('changes 150 documents by a few statements and one commit', async (t) => {
  const options = await scratchDatabase(t);
  const store = openMysqlStore(options);
  t.teardown(() => store.close());
  await store.migrate();
  const before = await counted(t, options);
  await store.editDocuments(manyNames, (_, revisions) => rowsOf(revisions, 'x'));
  const after = await counted(t, options);
  const of = (name: string) => (after[name] ?? Number.NaN) - (before[name] ?? Number.NaN);
  t.equal(of('Com_commit'), 1);
  t.ok(of('Com_stmt_execute') <= 12, `${of('Com_stmt_execute')} statements`);
});
