import t from 'tap';
import { sealDocument } from '../../keyserver/at-rest/document-row.ts';
import { Registry } from '../../keyserver/registry/registry.ts';
import { KnownChanges } from '../../secureproxy/releases/known-changes.ts';
import { testClock } from '../support/clock.ts';
import { capturedLog } from '../support/log.ts';
import { eachStage, type Stage, startPairOn } from './stage.ts';

const fine = ['200', '200'];
const denied = ['403 grant_denied no_grant', '403 grant_denied no_grant'];
const unread = [
  '503 keyserver_unavailable documents_unread',
  '503 keyserver_unavailable keyserver_unavailable',
];

/** A pair in step with its database, and how the operator takes the app's grant away. */
async function setUp(t: Parameters<typeof startPairOn>[0], stage: Stage) {
  const clock = testClock();
  const pair = await startPairOn(t, stage, { pollClock: clock });
  const { keyserver } = pair;
  await keyserver.putApp('orders', {
    key: pair.appKey,
    grants: [{ client: 'shop', type: 'test' }],
  });
  await keyserver.putToken('shop', 'test', 'made-up');
  await keyserver.refresh();
  t.same(await pair.answers('shop'), fine);
  const revoke = () => stage.admin('app', 'revoke', 'orders', '--yes');
  return { clock, pair, keyserver, revoke };
}

const gone = ['401 caller_unauthenticated app_unknown', '401 caller_unauthenticated app_unknown'];

const holdUps: Readonly<Record<string, (seq: number) => readonly string[]>> = {
  'a counter held still': (seq) => [`UPDATE change_counter SET seq = ${seq}`],
  'a change called one of a token': () => ["UPDATE changes SET kind = 'token', token_type = 'x'"],
};

for (const [what, sql] of Object.entries(holdUps)) {
  t.test(`${what} holds a revocation up for ten seconds at most`, async (t) => {
    await eachStage(t, async (t, stage) => {
      const { clock, pair, keyserver, revoke } = await setUp(t, stage);
      const seq = await stage.store.lastSeq();
      t.equal(await revoke(), 0);
      for (const statement of sql(seq)) await stage.execute(statement);
      clock.advance(9_999);
      await keyserver.refresh();
      t.same(await pair.answers('shop'), fine, 'so long the lie holds');
      clock.advance(1);
      await keyserver.refresh();
      t.same(await pair.answers('shop'), gone);
    });
  });
}

/** An app without rights. */
const putEmpty = ({ store, keyring }: Stage, id: string) =>
  store.editDocument('app', id, (_, revision) =>
    sealDocument(keyring, 'app', id, revision, { keys: [], grants: [] }),
  );

const revocations: Readonly<Record<string, (stage: Stage) => Promise<unknown>>> = {
  'an app without keys and grants': (stage) => putEmpty(stage, 'orders'),
  'a deleted app': (stage) => stage.admin('app', 'revoke', 'orders', '--yes'),
};

for (const [what, revoke] of Object.entries(revocations)) {
  t.test(`two changes with their names swapped do not delay a revocation: ${what}`, async (t) => {
    await eachStage(t, async (t, stage) => {
      const { clock, pair, keyserver } = await setUp(t, stage);
      const { logger } = capturedLog('test');
      const other = new Registry(stage.store, stage.keyring, logger, clock);
      await other.refresh();
      clock.advance(6_000);
      await Promise.all([keyserver.refresh(), other.refresh()]);
      // The proxy polls the first KeyServer, and has a release of the second.
      const known = new KnownChanges(clock);
      const poll = async () => {
        await keyserver.refresh();
        known.take({ ...keyserver.registry.changesSince(known.seq), ageMs: 0 }, clock.monotonic());
      };
      await poll();
      await putEmpty(stage, 'bystander');
      await other.refresh();
      const release = { app: 'orders', seq: other.seq };
      t.ok(other.app('orders'));
      await revoke(stage);
      const revokedAt = other.seq + 1;
      t.equal(await stage.store.lastSeq(), revokedAt);
      await stage.execute(`UPDATE changes SET id = 'orders' WHERE seq = ${release.seq}`);
      await stage.execute(`UPDATE changes SET id = 'bystander' WHERE seq = ${revokedAt}`);
      await poll();
      t.notOk(known.isCallerCurrent(release), 'it is of before the revocation');
      t.ok(known.isCallerCurrent({ app: 'orders', seq: revokedAt }));
      t.not((await pair.answers('shop'))[0], '200');
    });
  });
}

t.test('a revocation is heeded at once though the list of changes was emptied', async (t) => {
  await eachStage(t, async (t, stage) => {
    const { pair, keyserver, revoke } = await setUp(t, stage);
    t.equal(await revoke(), 0);
    await stage.execute('DELETE FROM changes');
    await keyserver.refresh();
    t.same(await pair.answers('shop'), gone);
  });
});

t.test('without a counter that reads, documents are in force for five seconds', async (t) => {
  await eachStage(t, async (t, stage) => {
    const { clock, pair, keyserver } = await setUp(t, stage);
    const seq = await stage.store.lastSeq();
    for (const sql of [
      'DELETE FROM change_counter',
      'UPDATE change_counter SET seq = 9223372036854775807',
      'UPDATE change_counter SET seq = -1',
    ]) {
      await stage.execute(sql);
      clock.advance(4_999);
      await t.rejects(keyserver.refresh(), {
        kind: 'failed',
        message: /change_counter/,
      });
      t.same(await pair.answers('shop'), fine, sql);
      clock.advance(1);
      t.same(await pair.answers('shop'), unread, sql);
      const { code, text } = await stage.doctor();
      t.equal(code, 1);
      t.match(text, 'change_counter');
      await stage.execute('DELETE FROM change_counter');
      await stage.execute(`INSERT INTO change_counter VALUES (1, ${seq})`);
      await keyserver.refresh();
      t.same(await pair.answers('shop'), fine, 'and it heals');
    }
  });
});

t.test('a counter that was set back is told, and keeps the operator from nothing', async (t) => {
  await eachStage(t, async (t, stage) => {
    const { clock, pair, keyserver } = await setUp(t, stage);
    const seq = await stage.store.lastSeq();
    await stage.execute('UPDATE change_counter SET seq = 1');
    await t.rejects(keyserver.refresh(), { kind: 'behind', message: /history new/ });
    t.match(
      keyserver.log().filter(({ msg }) => msg === 'change counter set back'),
      [{ level: 'error', seq: 1, seen: seq }],
    );
    t.same(await pair.answers('shop'), fine);
    clock.advance(5_000);
    t.same(await pair.answers('shop'), unread, 'documents that cannot be compared end');
    const { code, text } = await stage.doctor();
    t.equal(code, 1);
    t.match(text, 'the app "orders" has revision');
    t.match(text, `change ${seq} is ahead of the counter`);
    t.equal(await stage.admin('grant', 'add', 'orders', '--client', 'other', '--type', 'test'), 0);
    await keyserver.refresh();
    t.equal(keyserver.registry.app('orders')?.grants.length, 2, 'a revision that is new');
    t.same(await pair.answers('shop'), fine);
    t.equal(await stage.admin('app', 'revoke', 'orders', '--yes'), 0);
    await keyserver.refresh();
    t.same(await pair.answers('shop'), gone);
    t.ok((await stage.store.lastSeq()) > seq);
    t.equal((await stage.doctor()).code, 0);
  });
});

t.test('a new history leads out of a restored database, and out of a forged counter', async (t) => {
  await eachStage(t, async (t, stage) => {
    const { pair, keyserver } = await setUp(t, stage);
    const before = await stage.store.documents();
    const [app] = before.filter(({ kind }) => kind === 'app');
    await keyserver.putApp('orders', { key: pair.appKey, grants: [] });
    t.same(await pair.answers('shop'), denied);
    // The app as in the backup; running KeyServers have seen a later revision.
    await stage.store.editDocument('app', 'orders', (_, revision) => ({
      ...Object(app),
      revision,
    }));
    await stage.execute(`UPDATE documents SET revision = ${app?.revision} WHERE kind = 'app'`);
    await stage.execute('UPDATE change_counter SET seq = 1');
    await stage.execute('DELETE FROM changes');
    await t.rejects(keyserver.refresh(), { name: 'StoreError', kind: 'behind' });
    t.equal(await stage.admin('history', 'new'), 0);
    await keyserver.refresh();
    t.same(await pair.answers('shop'), fine, 'the restored grant is in force');
    t.equal((await stage.doctor()).code, 0);
    await stage.execute(`UPDATE change_counter SET seq = ${2 ** 53 - 1}`);
    await keyserver.refresh();
    t.not(await stage.admin('app', 'revoke', 'orders', '--yes'), 0, 'no number is left');
    t.equal(await stage.admin('history', 'new'), 0);
    t.equal(await stage.admin('app', 'revoke', 'orders', '--yes'), 0);
    await keyserver.refresh();
    t.same(await pair.answers('shop'), gone);
  });
});

t.test('forged changes and a counter set ahead take nothing down', async (t) => {
  await eachStage(t, async (t, stage) => {
    const { pair, keyserver } = await setUp(t, stage);
    for (const sql of [
      'UPDATE change_counter SET seq = seq + 1000',
      "INSERT INTO changes VALUES (9223372036854775807, 'token', 'x', 'y')",
      "INSERT INTO changes VALUES (500, 'nothing', 'x', NULL), (501, 'app', '', NULL)",
      "INSERT INTO documents VALUES ('app', 'bait', 9223372036854775807, 'k1', '{}', '')",
    ]) {
      await stage.execute(sql);
      await stage.execute('UPDATE change_counter SET seq = seq + 1');
      await keyserver.refresh();
      t.same(await pair.answers('shop'), fine, sql);
    }
    await keyserver.putApp('orders', { key: pair.appKey, grants: [] });
    t.same(await pair.answers('shop'), denied, 'a revocation is heeded');
    t.match((await stage.doctor()).text, 'the app "bait" does not open');
  });
});

t.test('what is put into the tables of the migrations does no harm to rows', async (t) => {
  await eachStage(t, async (t, stage) => {
    const { pair } = await setUp(t, stage);
    await stage.execute("INSERT INTO schema_migrations VALUES ('9999_theirs', 0, '`documents`')");
    await stage.execute("UPDATE schema_migrations SET created_token_table = '`storage`'");
    t.same(await stage.store.migrate(), []);
    t.not(await stage.admin('migrate', '--down'), 0, 'nor is anything dropped');
    await stage.execute('DELETE FROM schema_migrations');
    const { code, text } = await stage.doctor();
    t.equal(code, 1);
    t.match(text, /migration 0001_initial is pending/);
    t.same(await stage.store.migrate(), [
      '0001_initial',
      '0002_history',
      '0003_replicas',
      '0004_images',
    ]);
    t.same(await (await startPairOn(t, stage, { seeded: pair })).answers('shop'), fine);
  });
});
