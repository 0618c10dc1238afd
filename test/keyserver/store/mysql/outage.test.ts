import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { openMysqlStore } from '../../../../keyserver/store/mysql/mysql.ts';
import type { Store } from '../../../../keyserver/store/store.ts';
import { StoreError } from '../../../../keyserver/store/store-error.ts';
import { outageTest, scratchDatabase } from '../../../support/database.ts';

/** Many calls run into it here, one after the other. */
const timeoutMs = 1000;
const row = { clientId: 'acme', tokenType: 'ozon', token: 'x' };
const healingAttempts = 20;

/** Every kind of call, many at once, so that no connection of the pool is left out. */
function everyCall(store: Store): Promise<unknown>[] {
  return Array.from({ length: 6 }, () => [
    store.findTokens('acme', 'ozon'),
    store.lastSeq(),
    store.documents(),
    store.pendingMigrations(),
    store.putToken(row),
  ]).flat();
}

/** Resolves once these calls are answered; rejects with the last refusal, or the first that is not forgiven. */
async function heals(
  calls: () => Promise<unknown>,
  isForgiven: (error: unknown) => boolean = () => true,
): Promise<void> {
  for (let left = healingAttempts; ; left -= 1) {
    try {
      await calls();
      return;
    } catch (error) {
      if (left === 0 || !isForgiven(error)) throw error;
      await sleep(100);
    }
  }
}

/** A busy machine may be late; any other fault tells of a connection that is of no use. */
const allAnswered = (store: Store) =>
  heals(
    () => Promise.all(everyCall(store)),
    (error) => error instanceof StoreError && error.kind === 'timeout',
  );

/** Gone or just slow, as far as a client can tell. */
async function rejectsAsAway(t: Test, call: Promise<unknown>): Promise<void> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const message = /cannot be reached|did not answer|timed out/;
  t.match(error, { name: 'StoreError', message }, String(error));
}

const outages = {
  'was stopped': ['stop', 'start'],
  'was killed': ['kill', 'start'],
  'stands still': ['pause', 'resume'],
} as const;

await outageTest(t, 'rejects in time while the server is away, and heals', async (t, control) => {
  for (const [outage, [begin, end]] of Object.entries(outages)) {
    await t.test(`a server that ${outage}`, async (t) => {
      const store = openMysqlStore({ ...(await scratchDatabase(t)), timeoutMs });
      t.teardown(() => store.close());
      await heals(() => store.migrate());
      await allAnswered(store);
      await control[begin]();
      for (let round = 0; round < 2; round += 1) {
        const calls = everyCall(store);
        await Promise.all(calls.map((call) => rejectsAsAway(t, call)));
      }
      await rejectsAsAway(t, store.migrate());
      await control[end]();
      await t.resolves(heals(() => store.lastSeq()));
      await t.resolves(allAnswered(store));
      t.equal((await store.findTokens('acme', 'ozon')).length, 1);
    });
  }

  await t.test('a server that was away from the start', async (t) => {
    const options = await scratchDatabase(t);
    await control.stop();
    const store = openMysqlStore({ ...options, timeoutMs });
    t.teardown(() => store.close());
    await t.rejects(store.needsKeyring(), { message: /cannot be reached \(ECONNREFUSED\)/ });
    await control.start();
    await t.resolves(heals(() => store.migrate()));
    await t.resolves(heals(() => store.lastSeq()));
  });

  await t.test('and a store closes while the server stands still', async (t) => {
    const store = openMysqlStore({ ...(await scratchDatabase(t)), timeoutMs });
    await heals(() => store.migrate());
    await control.pause();
    await t.resolves(store.close());
    await control.resume();
  });
});
