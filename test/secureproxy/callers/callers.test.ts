import t from 'tap';
import { Callers } from '../../../secureproxy/callers/callers.ts';
import { unavailable } from '../../../secureproxy/keyserver-client/errors.ts';
import { KnownChanges } from '../../../secureproxy/releases/known-changes.ts';
import { ServiceError } from '../../../shared/errors.ts';
import type { Changes } from '../../../shared/protocol/change-messages.ts';
import type { Whoami } from '../../../shared/protocol/whoami-messages.ts';
import { testClock } from '../../support/clock.ts';
import { capturedLog } from '../../support/log.ts';
import { stillTimers } from '../../support/timers.ts';
import { until } from '../../support/until.ts';

/** Callers before a KeyServer whose answers are given out by hand. */
function setUp(maxEntries = 100) {
  const clock = testClock();
  const known = new KnownChanges(clock);
  const { logger, lines } = capturedLog('secureproxy');
  const asked: (string | null)[] = [];
  const waiting: PromiseWithResolvers<Whoami>[] = [];
  const callers = new Callers({
    client: {
      whoami: ({ appKey }) => {
        asked.push(appKey);
        const next = Promise.withResolvers<Whoami>();
        waiting.push(next);
        return next.promise;
      },
    },
    clock,
    known,
    log: logger,
    maxEntries,
  });
  const give = (more: Partial<Whoami> = {}) =>
    waiting.shift()?.resolve({ app: 'orders', cacheSeconds: 300, seq: 1, ageMs: 0, ...more });
  const refuse = (error: Error) => waiting.shift()?.reject(error);
  const ask = async (appKey: string | null = 'key-a', address = '192.0.2.1') =>
    (await callers.ask({ appKey, trace: {} }, address))?.app;
  const meet = async (appKey: string | null = 'key-a', more: Partial<Whoami> = {}) => {
    const answered = ask(appKey);
    give(more);
    return answered;
  };
  const announce = (more: Partial<Changes> = {}) =>
    known.take({ seq: 1, changes: [], ageMs: 0, ...more }, clock.monotonic());
  return { callers, clock, known, asked, give, refuse, ask, meet, announce, lines };
}

const unknown = new ServiceError('caller_unauthenticated', { reason: 'app_unknown' });

t.test('a key is asked about once, by all calls that have it', async (t) => {
  const { callers, asked, ask, give, announce } = setUp();
  announce();
  t.equal(callers.known('key-a')?.app, undefined);
  const answers = Promise.all([ask(), ask(), ask('key-b')]);
  give({ app: 'a' });
  give({ app: 'b' });
  t.same(await answers, ['a', 'a', 'b']);
  t.same(asked, ['key-a', 'key-b']);
  t.equal(callers.known('key-a')?.app, 'a');
  t.equal(callers.known('key-b')?.app, 'b');
  t.equal(callers.known(null)?.app, undefined);
});

t.test('callers without a key are one caller', async (t) => {
  const { callers, meet } = setUp();
  t.equal(await meet(null, { app: 'anonymous' }), 'anonymous');
  t.equal(callers.known(null)?.app, 'anonymous');
});

t.test('a key is known as long as KeyServer said, under a lease', async (t) => {
  const { callers, clock, meet, announce } = setUp();
  announce();
  await meet('key-a', { cacheSeconds: 7 });
  clock.advance(4_000);
  announce();
  clock.advance(2_999);
  t.equal(callers.known('key-a')?.app, 'orders');
  clock.advance(1);
  t.equal(callers.known('key-a')?.app, undefined);
});

t.test('without a lease it is known for five seconds from the question', async (t) => {
  const { callers, clock, ask, give } = setUp();
  const answered = ask();
  clock.advance(1_000);
  give({ ageMs: 300 });
  await answered;
  clock.advance(3_699);
  t.equal(callers.known('key-a')?.app, 'orders');
  clock.advance(1);
  t.equal(callers.known('key-a')?.app, undefined);
});

t.test('a change of the app or the proxy, a reset and a revoked proxy end it', async (t) => {
  type Ending = (it: ReturnType<typeof setUp>) => void;
  for (const [why, end] of Object.entries({
    app: (it) => it.announce({ seq: 2, changes: [{ seq: 2, kind: 'app', id: 'orders' }] }),
    proxy: (it) => it.announce({ seq: 2, changes: [{ seq: 2, kind: 'proxy', id: 'p' }] }),
    reset: (it) => it.announce({ reset: true }),
    revoked: (it) => it.known.revoke(),
  } satisfies Record<string, Ending>)) {
    const it = setUp();
    it.announce();
    await it.meet();
    end(it);
    t.equal(it.callers.known('key-a')?.app, undefined, why);
    await it.meet('key-a', { seq: 2 });
    t.equal(it.callers.known('key-a')?.app, 'orders', 'a later answer holds');
  }
  const { callers, meet, announce } = setUp();
  announce();
  await meet();
  announce({ seq: 2, changes: [{ seq: 2, kind: 'app', id: 'other' }] });
  announce({ seq: 3, changes: [{ seq: 3, kind: 'token', id: 'shop', tokenType: 'test' }] });
  t.equal(callers.known('key-a')?.app, 'orders', 'other changes do not');
});

t.test('an answer that is older than a change serves its calls and is not kept', async (t) => {
  const { callers, meet, announce } = setUp();
  announce();
  announce({ seq: 2, changes: [{ seq: 2, kind: 'app', id: 'orders' }] });
  t.equal(await meet('key-a', { seq: 1 }), 'orders');
  t.equal(callers.known('key-a')?.app, undefined);
});

t.test('an answer from before a reset is not kept', async (t) => {
  const { callers, ask, give, announce } = setUp();
  announce();
  const answered = ask();
  announce({ reset: true });
  give();
  await answered;
  t.equal(callers.known('key-a')?.app, undefined);
});

t.test('a release makes its key known, and never for less time than before', async (t) => {
  const { callers, clock, known, meet, announce } = setUp();
  announce();
  const release = { app: 'orders', cacheSeconds: 2, seq: 1 };
  callers.learn('key-a', release, known.asking());
  t.equal(callers.known('key-a')?.app, 'orders');
  clock.advance(2_000);
  t.equal(callers.known('key-a')?.app, undefined);
  await meet('key-a', { cacheSeconds: 4 });
  callers.learn('key-a', release, known.asking());
  clock.advance(2_000);
  t.equal(callers.known('key-a')?.app, 'orders');
  announce({ seq: 2, changes: [{ seq: 2, kind: 'app', id: 'orders' }] });
  callers.learn('key-a', { ...release, cacheSeconds: 1, seq: 2 }, known.asking());
  clock.advance(1_000);
  t.equal(callers.known('key-a')?.app, undefined, 'unless the app has changed since');
});

t.test('an older binding is not known for the time of a newer one', async (t) => {
  const { clock, known, callers } = setUp();
  const bindingOf = (clientId: string) => ({ clientId, tokenType: 'ozon' });
  const release = { app: 'orders', cacheSeconds: 300, ageMs: 0 };
  callers.learn('key-a', { ...release, bound: bindingOf('new'), seq: 7 }, known.asking());
  // From a KeyServer that lags.
  const late = { ...release, bound: bindingOf('old'), seq: 5, ageMs: 4500 };
  callers.learn('key-a', late, known.asking());
  clock.advance(499);
  t.match(callers.known('key-a'), { bound: bindingOf('old') });
  clock.advance(2);
  t.equal(callers.known('key-a'), undefined);
});

t.test('a rejected key is rejected for a second without another question', async (t) => {
  const { callers, clock, asked, ask, refuse, meet } = setUp();
  await meet();
  for (const key of ['key-a', null]) {
    const rejected = t.rejects(ask(key), unknown);
    refuse(unknown);
    await rejected;
    const count = asked.length;
    clock.advance(999);
    await t.rejects(ask(key), unknown);
    t.equal(asked.length, count);
    t.equal(callers.known(key), undefined, 'known before or not');
    clock.advance(1);
    t.equal(await meet(key), 'orders');
  }
});

t.test('rejected and known keys are remembered in bounds', async (t) => {
  const { callers, asked, ask, refuse, meet, announce } = setUp(2);
  announce();
  for (const key of ['key-1', 'key-2', 'key-3']) await meet(key);
  t.same(['key-1', 'key-2', 'key-3'].map((key) => callers.known(key)).map(Boolean), [
    false,
    true,
    true,
  ]);
  for (let i = 0; i <= 1000; i++) {
    const before = asked.length;
    const rejected = ask(`stranger-${i}`).catch(() => undefined);
    // Strangers' questions are limited in rate.
    await until(() => asked.length > before);
    refuse(unknown);
    await rejected;
  }
  const count = asked.length;
  await t.rejects(ask('stranger-1'));
  t.equal(asked.length, count);
  void ask('stranger-0');
  await until(() => asked.length === count + 1);
  t.pass('the first one was evicted');
});

t.test('while KeyServer cannot answer nobody is rejected for good', async (t) => {
  const { asked, ask, refuse, meet } = setUp();
  const failed = t.rejects(ask(), { code: 'keyserver_unavailable' });
  refuse(unavailable('keyserver_unreachable', 'KeyServer does not answer.'));
  await failed;
  t.equal(await meet(), 'orders');
  t.equal(asked.length, 2);
});

t.test('a KeyServer of an earlier version is asked every ten seconds, and said once', async (t) => {
  const { callers, clock, asked, ask, refuse, meet, lines } = setUp();
  for (const reason of ['route_not_found', 'keyserver_answer']) {
    const admitted = ask();
    refuse(unavailable(reason, 'KeyServer cannot answer now.'));
    t.equal(await admitted, undefined);
    clock.advance(9_999);
    t.equal(await ask('key-b'), undefined);
    clock.advance(1);
  }
  t.equal(asked.length, 2);
  t.equal(lines().length, 1);
  t.equal(callers.known('key-a')?.app, undefined);
  t.equal(await meet(), 'orders', 'it may be upgraded while we run');
});

t.test('an answer that is not KeyServer’s admits nobody once KeyServer has told', async (t) => {
  const { ask, meet, refuse } = setUp();
  await meet();
  const admitted = ask('key-b');
  refuse(unavailable('keyserver_answer', 'KeyServer cannot answer now.'));
  await t.rejects(admitted, { code: 'keyserver_unavailable' });
});

t.test('strangers share few questions, fairly by address; known keys do not wait', async (t) => {
  const it = setUp();
  await it.meet();
  it.known.revoke();
  t.equal(it.callers.known('key-a')?.app, undefined);
  const { asked, ask } = it;
  const outcomes: unknown[] = [];
  const flood = Array.from({ length: 1200 }, (_, i) =>
    ask(`stranger-${i}`, '192.0.2.66').catch((error) => outcomes.push(error)),
  );
  t.ok(asked.length <= 1 + 32, 'that many at once');
  void ask('key-a', '192.0.2.66');
  t.equal(asked.at(-1), 'key-a', 'a key that was accepted once is asked about at once');
  void ask('key-unmet', '192.0.2.7');
  await until(() => outcomes.length >= 1200 - 32 - 1024);
  for (const error of outcomes) {
    t.match(error, { code: 'overloaded', options: { reason: 'unknown_callers' } });
  }
  it.refuse(unknown);
  it.refuse(unknown);
  await until(() => asked.includes('key-unmet'));
  t.ok(asked.length <= 1 + 32 + 1 + 2, 'after one of the flood at most');
  void flood;
});

t.test('strangers have 1000 questions a second: 32 in 32 ms', async (t) => {
  const { asked, ask, refuse } = setUp();
  const turnOn = await stillTimers(t);
  for (let i = 0; i < 100; i++) void ask(`stranger-${i}`, '192.0.2.66').catch(() => undefined);
  for (let round = 1; round <= 3; round++) {
    await turnOn(0);
    t.equal(asked.length, 32 * round);
    for (let i = 0; i < 32; i++) refuse(unknown);
    await turnOn(31);
    t.equal(asked.length, 32 * round, 'although all are answered');
    await turnOn(1);
  }
});

t.test('a stranger waits a second and a half for a question', async (t) => {
  const { ask } = setUp();
  const turnOn = await stillTimers(t);
  for (let i = 0; i < 32; i++) void ask(`stranger-${i}`).catch(() => undefined);
  let outcome: unknown;
  void ask('stranger-32').catch((error) => {
    outcome = error;
  });
  await turnOn(1499);
  t.equal(outcome, undefined);
  await turnOn(1);
  t.match(outcome, { code: 'overloaded', options: { reason: 'unknown_callers' } });
});
