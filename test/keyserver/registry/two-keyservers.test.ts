import t, { type Test } from 'tap';
import { Registry } from '../../../keyserver/registry/registry.ts';
import type { Store } from '../../../keyserver/store/store.ts';
import { KnownChanges } from '../../../secureproxy/releases/known-changes.ts';
import { testClock } from '../../support/clock.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { capturedLog } from '../../support/log.ts';

/** Two KeyServers on one store, and a proxy that polls the first and gets releases of the second. */
async function setUp(t: Test) {
  const keyserver = await startKeyserver(t);
  await keyserver.putApp('a');
  await keyserver.putApp('b');
  const clock = testClock();
  let whileLoading: (() => Promise<void>) | undefined;
  const store: Store = {
    ...keyserver.store,
    documents: async () => {
      const work = whileLoading;
      whileLoading = undefined;
      await work?.();
      return keyserver.store.documents();
    },
  };
  const { logger } = capturedLog('test');
  const [first, second] = [
    new Registry(store, keyserver.keyring, logger, clock),
    new Registry(keyserver.store, keyserver.keyring, logger, clock),
  ];
  const known = new KnownChanges(clock);
  const poll = () => known.take({ ...first.changesSince(known.seq), ageMs: 0 }, clock.monotonic());
  await Promise.all([first.refresh(), second.refresh()]);
  clock.advance(60_000);
  await Promise.all([first.refresh(), second.refresh()]);
  poll();
  return {
    keyserver,
    first,
    second,
    poll,
    /** Whether the proxy would use a release of the second KeyServer for this app. */
    uses: (app: string) => {
      const release = { app, seq: second.seq };
      return second.app(app) !== undefined && known.isCallerCurrent(release);
    },
    whileFirstLoads: (work: () => Promise<void>) => {
      whileLoading = work;
    },
  };
}

t.test('a release without a change that another KeyServer told is never current', async (t) => {
  const { keyserver, first, second, poll, uses, whileFirstLoads } = await setUp(t);
  t.ok(uses('b'));
  await keyserver.deleteDocument('app', 'a');
  await second.refresh();
  // The first reads the counter before this revocation, and the documents after it.
  whileFirstLoads(() => keyserver.deleteDocument('app', 'b'));
  await first.refresh();
  poll();
  await first.refresh();
  poll();
  t.ok(second.app('b'), 'the second has not looked yet');
  t.notOk(uses('b'), 'it was revoked before the number that the proxy knows');
});

t.test('a release with all changes of its names is current before the next look', async (t) => {
  const { keyserver, first, second, poll, uses } = await setUp(t);
  await keyserver.putApp('b');
  await second.refresh();
  await keyserver.putToken('shop', 'type', 'x');
  await first.refresh();
  poll();
  t.ok(uses('b'), 'only a token has changed since');
});
