import t, { type Test } from 'tap';
import { Registry } from '../../../keyserver/registry/registry.ts';
import type { Store } from '../../../keyserver/store/store.ts';
import { BehindError, StoreError } from '../../../keyserver/store/store-error.ts';
import { testClock } from '../../support/clock.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { capturedLog } from '../../support/log.ts';

/** Overrides of the real database, for an untrusted or failing one. */
type Changed = (real: Store) => Partial<Store>;

/** A registry that has long been in step with a real database of two apps and a token. */
async function setUp(t: Test) {
  const keyserver = await startKeyserver(t);
  await keyserver.putApp('a');
  await keyserver.putApp('b');
  await keyserver.putToken('shop', 'type', 'x');
  const clock = testClock();
  let changed: Partial<Store> = {};
  const store = new Proxy(keyserver.store, {
    get: (real, name, self) => Reflect.get({ ...real, ...changed }, name, self),
  });
  const { logger, lines } = capturedLog('test');
  const registry = new Registry(store, keyserver.keyring, logger, clock);
  await registry.refresh();
  clock.advance(60_000);
  return {
    keyserver,
    log: lines,
    clock,
    registry,
    seq: registry.seq,
    whenDatabase: (change: Changed) => {
      changed = change(keyserver.store);
    },
  };
}

t.test('a change is told once the documents in memory include it, not before', async (t) => {
  const { keyserver, registry, seq, whenDatabase } = await setUp(t);
  const told: unknown[] = [];
  await keyserver.deleteDocument('app', 'a');
  whenDatabase((real) => ({
    documents: async () => {
      told.push(registry.changesSince(seq), registry.seq);
      return real.documents();
    },
  }));
  await registry.refresh();
  t.match(told, [{ seq, changes: [] }, seq]);
  t.match(registry.changesSince(seq), {
    seq: seq + 1,
    changes: [{ seq: seq + 1, kind: 'app', id: 'a' }],
  });
  t.equal(registry.app('a'), undefined);
});

t.test('a document that came after the counter was read is told, and is in force', async (t) => {
  const { keyserver, registry, seq, whenDatabase } = await setUp(t);
  await keyserver.deleteDocument('app', 'a');
  whenDatabase((real) => ({
    documents: async () => {
      await keyserver.deleteDocument('app', 'b');
      return real.documents();
    },
  }));
  await registry.refresh();
  t.equal(registry.app('b'), undefined);
  t.same(registry.changesSince(seq).changes, [
    { seq: seq + 1, kind: 'app', id: 'a' },
    { seq: seq + 1, kind: 'app', id: 'b' },
  ]);
  await registry.refresh();
  const own = { seq: seq + 2, kind: 'app', id: 'b' };
  t.match(registry.changesSince(seq + 1), { seq: seq + 2, changes: [own] });
});

t.test('a document that is refused is a change of its own, though no row says so', async (t) => {
  const { keyserver, registry, seq, whenDatabase } = await setUp(t);
  whenDatabase((real) => ({
    documents: async () =>
      (await real.documents()).map((row) => (row.id === 'a' ? { ...row, mac: 'forged' } : row)),
  }));
  await keyserver.putApp('b');
  await registry.refresh();
  t.same(registry.changesSince(seq).changes, [
    { seq: seq + 1, kind: 'app', id: 'b' },
    { seq: seq + 1, kind: 'app', id: 'a' },
  ]);
});

t.test('documents that change between two looks are told under their own numbers', async (t) => {
  const { keyserver, registry, seq } = await setUp(t);
  await keyserver.deleteDocument('app', 'a');
  await keyserver.putToken('shop', 'type', 'y');
  await keyserver.deleteDocument('app', 'b');
  await registry.refresh();
  t.same(registry.changesSince(seq).changes, [
    { seq: seq + 1, kind: 'app', id: 'a' },
    { seq: seq + 2, kind: 'token', id: 'shop', tokenType: 'type' },
    { seq: seq + 3, kind: 'app', id: 'b' },
    // Its row has no MAC, and nothing else tells when it went.
    { seq: seq + 3, kind: 'app', id: 'a' },
  ]);
});

for (const [what, change] of Object.entries({
  'another history began': (real) => ({
    position: async () => ({ ...(await real.position()), history: 'other' }),
  }),
  'another history began further back': () => ({
    position: async () => ({ history: 'other', seq: 1 }),
  }),
  'a row of a change is gone': (real) => ({
    changesSince: async (from) => (await real.changesSince(from)).toSpliced(1, 1),
  }),
  'the first rows are pruned': (real) => ({
    changesSince: async (from) => (await real.changesSince(from)).slice(1),
  }),
  'the last row is missing': (real) => ({
    changesSince: async (from) => (await real.changesSince(from)).slice(0, -1),
  }),
  'the counter is far ahead of the rows': (real) => ({
    position: async () => ({ ...(await real.position()), seq: 1_000_000_000_000 }),
    documents: () => real.documents(),
  }),
} satisfies Record<string, Changed>)) {
  t.test(`everybody drops everything where ${what}`, async (t) => {
    const { keyserver, registry, clock, seq, whenDatabase } = await setUp(t);
    for (const client of ['c1', 'c2', 'c3']) await keyserver.putToken(client, 'type', 'x');
    whenDatabase(change);
    await registry.refresh();
    t.match(registry.changesSince(seq), { seq: registry.seq, changes: [], reset: true });
    clock.advance(4_999);
    await registry.refresh();
    t.match(registry.changesSince(registry.seq), { reset: true });
  });
}

t.test('everybody drops everything after a load that failed', async (t) => {
  const { keyserver, registry, seq, whenDatabase } = await setUp(t);
  await keyserver.deleteDocument('app', 'a');
  whenDatabase(() => ({
    documents: async () => {
      throw new StoreError('timeout', 'too slow');
    },
  }));
  await t.rejects(registry.refresh());
  whenDatabase(() => ({}));
  await registry.refresh();
  t.match(registry.changesSince(seq), { seq: seq + 1, reset: true });
});

t.test('what it knows is as old as the last look that succeeded', async (t) => {
  const { registry, clock, whenDatabase } = await setUp(t);
  t.equal(registry.ageMs, 60_000);
  whenDatabase((real) => ({
    position: async () => {
      const position = await real.position();
      clock.advance(700);
      return position;
    },
  }));
  await registry.refresh();
  t.equal(registry.ageMs, 700, 'counted from when the look began');
  whenDatabase(() => ({
    position: async () => {
      throw new StoreError('failed', 'away');
    },
  }));
  clock.advance(1000);
  await t.rejects(registry.refresh());
  t.equal(registry.ageMs, 1_700);
});

t.test('within one history it never goes back, and is in force for five seconds', async (t) => {
  const { keyserver, registry, clock, seq, log, whenDatabase } = await setUp(t);
  const before = await keyserver.store.position();
  const documents = await keyserver.store.documents();
  await keyserver.deleteDocument('app', 'a');
  await registry.refresh();
  // A replica that lags shows the database as it was before the revocation.
  whenDatabase(() => ({ position: async () => before, documents: async () => documents }));
  for (const ms of [4_000, 999]) {
    clock.advance(ms);
    await t.rejects(registry.refresh(), { name: 'StoreError', kind: 'behind' });
    t.equal(registry.app('a'), undefined, 'what was revoked stays so');
    t.ok(registry.app('b'));
    t.match(registry.changesSince(seq + 1), { seq: seq + 1, history: before.history });
  }
  clock.advance(1);
  await t.rejects(registry.refresh());
  t.throws(() => registry.app('b'), { code: 'keyserver_unavailable' });
  const said = () => log().filter(({ msg }) => msg === 'change counter set back');
  const entry = { level: 'error', seq, seen: seq + 1 };
  t.match(said(), [entry], 'said once');
  whenDatabase(() => ({}));
  await registry.refresh();
  t.equal(registry.app('a'), undefined);
  t.ok(registry.app('b'));
  whenDatabase(() => ({ position: async () => before }));
  for (let i = 0; i < 2; i++)
    await t.rejects(registry.refresh(), { name: 'StoreError', kind: 'behind' });
  t.match(said(), [entry, entry], 'and once more when it happens again');
});

t.test('a node that lags behind the counter of another gives no documents', async (t) => {
  const { keyserver, registry, clock, seq, log, whenDatabase } = await setUp(t);
  await registry.refresh();
  const old = await keyserver.store.documents();
  await keyserver.deleteDocument('app', 'a');
  whenDatabase(() => ({
    documents: async (atLeast = 0) => {
      if (atLeast > seq) throw new BehindError(seq);
      return old;
    },
  }));
  await t.rejects(registry.refresh(), { name: 'StoreError', kind: 'behind' });
  t.ok(registry.app('a'), 'as if the database did not answer');
  t.match(registry.changesSince(seq), { seq, changes: [] }, 'nobody is told that this is current');
  t.match(
    log().filter(({ msg }) => msg === 'change counter set back'),
    [{ level: 'error', seq, seen: seq + 1 }],
  );
  clock.advance(5_000);
  await t.rejects(registry.refresh());
  t.throws(() => registry.app('a'), { code: 'keyserver_unavailable' });
  whenDatabase(() => ({}));
  await registry.refresh();
  t.equal(registry.app('a'), undefined);
});

t.test('a KeyServer that is behind what a proxy has seen says so once', async (t) => {
  const { keyserver, registry, seq, log } = await setUp(t);
  const said = () => log().filter(({ msg }) => msg === 'database behind what a proxy has seen');
  t.match(registry.changesSince(seq), { changes: [] });
  t.same(said(), []);
  for (const since of [seq + 2, seq + 3]) {
    t.match(registry.changesSince(since), { seq, changes: [], reset: true });
  }
  t.match(said(), [{ level: 'warn', seq, seen: seq + 2 }]);
  await keyserver.putApp('c');
  await registry.refresh();
  registry.changesSince(seq + 3);
  t.match(said(), [{ seq }, { seq: seq + 1, seen: seq + 3 }], 'and again after it moved');
});
