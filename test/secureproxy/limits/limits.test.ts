import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { Limits } from '../../../secureproxy/limits/limits.ts';
import { LocalStore } from '../../../secureproxy/limits/local-store.ts';
import type { LimitStore } from '../../../secureproxy/limits/store.ts';
import { Deadline } from '../../../secureproxy/upstream/deadline.ts';
import { defaultInjection } from '../../../shared/policy/injection/schema.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { parseTargetUrl } from '../../../shared/policy/url.ts';
import { checkAllowed } from '../../../shared/policy/verdict.ts';
import { testClock } from '../../support/clock.ts';

const url = checkAllowed(parseTargetUrl('https://api.example.com/v1/orders'));

/** The response to a caller. */
function connected(): ServerResponse {
  return new EventEmitter() as unknown as ServerResponse;
}

/** Limits of several proxies on one store, whose time passes only as they sleep. */
function setUp(t: Test, limits: readonly string[], proxies = 1, slow: Partial<LimitStore> = {}) {
  const clock = testClock();
  const sleepers = new Set<{ at: number; wake: () => void }>();
  const sleep = (ms: number, signal: AbortSignal) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper = { at: clock.monotonic() + ms, wake: resolve };
    sleepers.add(sleeper);
    signal.addEventListener('abort', () => {
      sleepers.delete(sleeper);
      reject(signal.reason);
    });
    return promise;
  };
  const store = Object.assign(new LocalStore(clock, () => 1), slow);
  const all = Array.from({ length: proxies }, () => new Limits({ store, clock, sleep }));
  const policy: Policy = {
    destinations: [url.origin],
    injection: defaultInjection,
    limits: [...limits],
  };
  return {
    clock,
    store,
    /** Resolves when the call may start. */
    enter: async (
      app: string,
      { proxy = 0, client = 'shop', deadlineMs = 3_600_000, response = connected() } = {},
    ) => {
      const deadline = new Deadline(deadlineMs);
      // The connection of its caller would keep the process.
      const connection = setInterval(() => undefined, 60_000);
      t.teardown(() => {
        deadline.end();
        clearInterval(connection);
      });
      return all[proxy]?.enter(
        policy,
        { clientId: client, tokenType: 'x', url },
        { app, deadline, response },
      );
    },
    /** Lets time pass until then, and whoever sleeps wake in order. */
    until: async (ms: number) => {
      for (;;) {
        for (let i = 0; i < 3; i += 1) await turn();
        const next = [...sleepers].sort((one, other) => one.at - other.at)[0];
        if (next === undefined || next.at > ms) break;
        clock.advance(Math.max(0, next.at - clock.monotonic()));
        sleepers.delete(next);
        next.wake();
      }
      clock.advance(ms - clock.monotonic());
    },
  };
}

t.test('50 a second through two proxies are 50 a second, and no app starves', async (t) => {
  const { clock, enter, until } = setUp(t, ['50/s'], 2);
  const grants = new Map<string, number>();
  const endsAt = clock.monotonic() + 60_000;
  const caller = async (app: string, proxy: number) => {
    while (clock.monotonic() < endsAt) {
      const entered = await enter(app, { proxy }).catch(() => undefined);
      if (entered === undefined) continue;
      entered.end();
      if (clock.monotonic() < endsAt) grants.set(app, (grants.get(app) ?? 0) + 1);
    }
  };
  const apps: readonly (readonly [string, number, number])[] = [
    ['crowd', 0, 50],
    ['lone', 0, 1],
    ['other', 1, 20],
  ];
  const callers = apps.flatMap(([app, proxy, count]) =>
    Array.from({ length: count }, () => caller(app, proxy)),
  );
  await until(endsAt);
  await until(endsAt + 10_000);
  await Promise.all(callers);
  const counts = [...grants.values()];
  const sum = counts.reduce((one, other) => one + other, 0);
  t.ok(Math.abs(sum - 3000) <= 150, `${sum} of 3000`);
  // Two proxies take turns. The lone app asks again behind a call that began, and one that waits.
  t.ok((grants.get('other') ?? 0) >= 1400, `${grants.get('other')} at the other proxy`);
  t.ok((grants.get('lone') ?? 0) >= 450, `${grants.get('lone')} of the lone app`);
});

t.test('apps take turns at a limit, whoever came first', async (t) => {
  const { clock, enter, until } = setUp(t, ['10/s burst 1']);
  const order: string[] = [];
  const call = (app: string) => enter(app).then(() => order.push(app));
  const calls = [...Array<string>(20).fill('crowd'), 'lone', 'lone', 'third'].map(call);
  await until(clock.monotonic() + 3000);
  await Promise.all(calls);
  t.same(order.slice(0, 7), ['crowd', 'crowd', 'lone', 'third', 'crowd', 'lone', 'crowd']);
});

t.test('a call waits for five seconds at most, and for its deadline', async (t) => {
  const { enter, until, clock, store } = setUp(t, ['2/10s burst 1 per type']);
  const began = clock.monotonic();
  await enter('a');
  const second = enter('a');
  await until(began + 4_999);
  let isIn = false;
  void second.then(() => {
    isIn = true;
  });
  await turn();
  t.notOk(isIn);
  await until(began + 5_000);
  await second;
  t.equal(store.size, 1);
  await until(began + 9_000);
  await t.rejects(enter('a', { deadlineMs: 900 }), {
    code: 'rate_limited',
    options: { reason: 'limit_reached', retryAfterSeconds: 1 },
  });
  await t.resolves(Promise.all([enter('a', { deadlineMs: 60_000 }), until(began + 10_000)]));
});

t.test('of 256 waiting calls more are those of the app with most', async (t) => {
  const { enter, until, clock } = setUp(t, ['1000/s burst 1']);
  const rejected: string[] = [];
  const call = (app: string) =>
    enter(app).catch((error) => {
      t.match(error, { code: 'rate_limited', options: { reason: 'limit_queue' } });
      rejected.push(app);
    });
  // One is in turn.
  const calls = [...Array<string>(256 + 2).fill('crowd'), ...Array<string>(5).fill('lone')].map(
    call,
  );
  await until(clock.monotonic() + 4000);
  await Promise.all(calls);
  t.same(rejected, Array(6).fill('crowd'));
});

t.test('a signal that comes while a call waits for its slot holds it, too', async (t) => {
  const { enter, until, clock } = setUp(t, ['1/s burst 1']);
  const began = clock.monotonic();
  const first = await enter('a');
  const second = enter('a');
  await until(began + 500);
  first?.onAnswer(429, { 'retry-after': '2' }, true);
  let entered = false;
  void second.then(() => {
    entered = true;
  });
  await until(began + 2_400);
  t.notOk(entered, 'its own slot was after a second');
  await until(began + 2_500);
  t.ok(entered);
  first?.onAnswer(429, { 'retry-after': '60' }, true);
  const closed = { code: 'rate_limited', options: { reason: 'limit_closed' } };
  await t.rejects(enter('a'), closed);
});

t.test('a slot is held for as long as its call is in progress', async (t) => {
  const { enter, until, clock } = setUp(t, ['1 at once']);
  const first = await enter('a');
  await until(clock.monotonic() + 600_000);
  await t.rejects(enter('b', { deadlineMs: 10 }), {
    code: 'rate_limited',
    options: { reason: 'limit_reached' },
  });
  first?.end();
  const second = await enter('b');
  await until(clock.monotonic() + 600_000);
  second?.end();
  await t.resolves(enter('c'));
});

t.test('a caller that is gone waits no more, and takes nothing', async (t) => {
  const { enter, until, clock, store } = setUp(t, ['1/s burst 1']);
  const began = clock.monotonic();
  const gone = { code: 'request_invalid' };
  await t.rejects(enter('a', { response: Object.assign(connected(), { closed: true }) }), gone);
  t.equal(store.size, 0);
  await enter('a');
  const inTurn = enter('a');
  const responses = Array.from({ length: 256 }, connected);
  const left: unknown[] = [];
  for (const response of responses)
    enter('a', { response }).catch((error) => left.push(error.code));
  for (const response of responses) response.emit('close');
  await turn();
  t.same(left, Array(256).fill('request_invalid'));
  const next = Array.from({ length: 4 }, () => enter('a'));
  await until(began + 5_000);
  await t.resolves(Promise.all([inTurn, ...next]), 'none of them is in the way');
});

t.test('a slot that is granted to a call that has ended is given back', async (t) => {
  const granted = Promise.withResolvers<void>();
  const held = new Set<string>();
  const taken = { granted: true, waitMs: 0, by: undefined, isClosed: false };
  const { enter } = setUp(t, ['1 at once'], 1, {
    take: async (_demands, { id, ms }) => {
      t.equal(ms, 30_000, 'should this process be killed');
      await granted.promise;
      held.add(id);
      return taken;
    },
    leave: (_buckets, id) => void held.delete(id),
  });
  const late = { code: 'upstream_timeout', options: { reason: 'queue_timeout' } };
  await t.rejects(enter('a', { deadlineMs: 20 }), late);
  granted.resolve();
  await turn();
  t.equal(held.size, 0);
  const second = await enter('a');
  t.equal(held.size, 1);
  second?.end();
  t.equal(held.size, 0);
});

t.test(
  'a call that waits for a limit until its deadline is over the limit, not late',
  async (t) => {
    const taken = { granted: false, waitMs: 5, isClosed: false };
    const { enter } = setUp(t, ['1 at once'], 1, {
      take: ([demand]) => ({ ...taken, by: demand?.bucket }),
    });
    // Nobody wakes the one that sleeps.
    await t.rejects(enter('a', { deadlineMs: 50 }), {
      code: 'rate_limited',
      options: { reason: 'limit_reached', retryAfterSeconds: 1 },
    });
  },
);
