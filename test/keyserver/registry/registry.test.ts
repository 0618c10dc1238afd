import t from 'tap';
import { Registry } from '../../../keyserver/registry/registry.ts';
import type { Store } from '../../../keyserver/store/store.ts';
import { StoreError } from '../../../keyserver/store/store-error.ts';
import { testClock } from '../../support/clock.ts';
import { postJson } from '../../support/exchange-client.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { capturedLog } from '../../support/log.ts';

/** A real store that counts how often all documents are read. */
function countLoads(store: Store) {
  let loads = 0;
  const counted: Store = {
    ...store,
    documents: () => {
      loads++;
      return store.documents();
    },
  };
  return { counted, loads: () => loads };
}

async function start(t: Parameters<typeof startKeyserver>[0]) {
  const keyserver = await startKeyserver(t);
  const { counted, loads } = countLoads(keyserver.store);
  const registry = new Registry(
    counted,
    keyserver.keyring,
    capturedLog('test').logger,
    testClock(),
  );
  return { keyserver, registry, loads };
}

t.test('loads once, and again only where the counter moved', async (t) => {
  const { keyserver, registry, loads } = await start(t);
  await registry.refresh();
  await registry.refresh();
  t.equal(loads(), 1);
  await keyserver.putType('a');
  await registry.refresh();
  t.equal(loads(), 2);
  t.ok(registry.policy('a'));
  t.equal(registry.seq, await keyserver.store.lastSeq());
});

t.test('changes of tokens alone are followed without a load', async (t) => {
  const { keyserver, registry, loads } = await start(t);
  await registry.refresh();
  for (let i = 0; i < 5; i++) await keyserver.putToken(`c${i}`, 'a', 'x');
  await keyserver.store.deleteToken('c0', 'a');
  await registry.refresh();
  t.equal(loads(), 1);
  t.equal(registry.seq, 6);
  await keyserver.putToken('c', 'a', 'x');
  await keyserver.putType('a');
  await keyserver.putToken('c', 'b', 'x');
  await registry.refresh();
  t.equal(loads(), 2, 'a document among them is seen');
  t.ok(registry.policy('a'));
});

t.test('loads where the list of changes is not complete', async (t) => {
  const { keyserver, registry, loads } = await start(t);
  await registry.refresh();
  const { counted } = countLoads(keyserver.store);
  const pruned: Store = {
    ...counted,
    changesSince: async (seq) => (await keyserver.store.changesSince(seq)).slice(1),
  };
  const log = capturedLog('test');
  const behind = new Registry(pruned, keyserver.keyring, log.logger, testClock());
  await behind.refresh();
  await keyserver.putType('a');
  await keyserver.putToken('c', 'a', 'x');
  await behind.refresh();
  t.ok(behind.policy('a'), 'the first change is gone, so it may have been a document’s');
  t.equal(loads(), 1);
});

t.test('a counter that was set back in another history is a change, too', async (t) => {
  const { keyserver } = await start(t);
  await keyserver.putType('a');
  let seq = 7;
  let history = 'one';
  const moved: Store = {
    ...keyserver.store,
    position: async () => ({ seq, history }),
    documents: () => keyserver.store.documents(),
  };
  const other = new Registry(moved, keyserver.keyring, capturedLog('test').logger, testClock());
  await other.refresh();
  seq = 3;
  await t.rejects(other.refresh(), { name: 'StoreError' });
  history = 'another';
  await other.refresh();
  t.ok(other.policy('a'));
});

t.test('what is loaded stays for seconds while the database is away', async (t) => {
  const { keyserver } = await start(t);
  await keyserver.putType('a');
  let away = false;
  const store: Store = {
    ...keyserver.store,
    position: async () => {
      if (away) throw new StoreError('failed', 'away');
      return keyserver.store.position();
    },
  };
  const clock = testClock();
  const registry = new Registry(store, keyserver.keyring, capturedLog('test').logger, clock);
  await registry.refresh();
  away = true;
  await t.rejects(registry.refresh(), { name: 'StoreError' });
  t.ok(registry.policy('a'));
  clock.advance(5_000);
  t.throws(() => registry.policy('a'), { code: 'keyserver_unavailable' }, 'but not for good');
  away = false;
  await registry.refresh();
  t.ok(registry.policy('a'));
});

t.test('what is loaded is in force no longer once it is known to be out of date', async (t) => {
  const { keyserver } = await start(t);
  await keyserver.putType('a');
  let unreadable = false;
  const store: Store = {
    ...keyserver.store,
    documents: async () => {
      if (unreadable) throw new StoreError('timeout', 'too slow');
      return keyserver.store.documents();
    },
  };
  const registry = new Registry(store, keyserver.keyring, capturedLog('test').logger, testClock());
  await registry.refresh();
  unreadable = true;
  await registry.refresh();
  t.ok(registry.policy('a'), 'nothing has changed');
  await keyserver.deleteDocument('type', 'a');
  await t.rejects(registry.refresh(), { name: 'StoreError' });
  t.throws(() => registry.policy('a'), { code: 'keyserver_unavailable' });
  unreadable = false;
  await registry.refresh();
  t.equal(registry.policy('a'), undefined);
});

t.test('before the first load every question is answered keyserver_unavailable', async (t) => {
  const { registry, keyserver } = await start(t);
  const unavailable = { code: 'keyserver_unavailable', options: { reason: 'documents_unread' } };
  t.throws(() => registry.policy('a'), unavailable);
  t.throws(() => registry.app('a'), unavailable);
  t.throws(() => registry.appByKeyHash('a'), unavailable);
  t.throws(() => registry.proxyByKeyHash('a'), unavailable);
  t.equal((await postJson(keyserver.url, '{}')).status, 400);
});

/** A registry whose database answers when it is told to, and the number of looks at the counter. */
async function startGated(t: Parameters<typeof startKeyserver>[0]) {
  const { store, keyring } = await startKeyserver(t);
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  let looks = 0;
  const gated: Store = {
    ...store,
    position: async () => {
      looks++;
      await gate.promise;
      return store.position();
    },
  };
  const clock = testClock();
  const registry = new Registry(gated, keyring, capturedLog('test').logger, clock);
  await registry.refresh();
  looks = 0;
  return {
    registry,
    clock,
    looks: () => looks,
    shut: () => {
      gate = Promise.withResolvers();
      return gate;
    },
  };
}

t.test('looks at a slow database share one refresh, which begins after they came', async (t) => {
  const { registry, clock, looks, shut } = await startGated(t);
  const first = shut();
  const current = registry.refresh();
  await new Promise(setImmediate);
  t.equal(looks(), 1);
  const waiting = Array.from({ length: 20 }, () => {
    clock.advance(250);
    return registry.look();
  });
  const second = shut();
  first.resolve();
  await current;
  await new Promise(setImmediate);
  t.equal(looks(), 2);
  const later = registry.refresh();
  second.resolve();
  t.same(await Promise.all(waiting), Array(20).fill(true));
  await later;
  t.equal(looks(), 3, 'a call that came after the look began has its own');
});

t.test('a look waits for a hanging database for a second, and delays no poll', async (t) => {
  const { registry, clock, looks, shut } = await startGated(t);
  const { reject } = shut();
  const results = await Promise.all(
    Array.from({ length: 20 }, () => {
      clock.advance(250);
      return registry.look();
    }),
  );
  t.same(results, Array(20).fill(false));
  const poll = registry.refresh();
  reject(new StoreError('timeout', 'too slow'));
  await t.rejects(poll, { name: 'StoreError' });
  t.equal(looks(), 2);
});
