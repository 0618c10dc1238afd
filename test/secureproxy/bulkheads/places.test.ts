import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { callGauges } from '../../../secureproxy/bulkheads/gauges.ts';
import { Places } from '../../../secureproxy/bulkheads/places.ts';
import { Deadline } from '../../../secureproxy/upstream/deadline.ts';
import { CallQueue } from '../../../shared/overload/call-queue.ts';
import { stillTimers, type TurnOn } from '../../support/timers.ts';

interface Limits {
  readonly max?: number;
  readonly connections?: number;
}

/** The names that a call counts for. */
interface Claim {
  readonly app: string;
  readonly client: string;
  readonly origin: string;
  readonly wildcard?: string;
}

/** Places behind the queue that counts the calls in progress. */
function setUp(t: Test, { max = 16, connections = 1000 }: Limits) {
  const reject = () => t.fail('the first queue rejects nothing');
  const calls = new CallQueue({ max, queueTimeoutMs: 60_000, reject });
  const places = new Places({ max, connections, calls });
  const open = new Set<() => void>();
  t.teardown(() => {
    for (const end of open) end();
  });
  const begun: string[] = [];
  /** A call that came. */
  const arrive = () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const deadline = new Deadline(60_000);
    const end = () => {
      if (!open.delete(end)) return;
      deadline.end();
      response.emit('close');
    };
    open.add(end);
    calls.enter(response);
    return { response, deadline, end };
  };
  /** One with a place that counts for nothing yet. */
  const arriveAtPlace = () => {
    const { response, deadline, end } = arrive();
    return { place: places.open(response, deadline), end };
  };
  /** A call that came so far; `wait` is undefined if it had a place at once. */
  const come = (claim: Partial<Claim> = {}, name = '') => {
    const { app, ...target } = { app: 'a', client: 'c', origin: 'o', ...claim };
    const { place, end } = arriveAtPlace();
    const wait = places.take(place, { app, target });
    if (wait === undefined) begun.push(name);
    else wait.then(() => begun.push(name)).catch(end);
    return { wait, end, hasPlace: wait === undefined };
  };
  /** A call that is not judged yet; `judge` has it count for client and origin, too. */
  const comeUnjudged = (app: string) => {
    const { place, end } = arriveAtPlace();
    const wait = places.take(place, { app });
    wait?.catch(end);
    const target = { client: 'c', origin: 'o' };
    return { wait, end, judge: (named = app) => places.take(place, { app: named, target }) };
  };
  /** How many of these calls have a place at once. */
  const placed = (count: number, claim: (i: number) => Partial<Claim>) =>
    Array.from({ length: count }, (_, i) => come(claim(i))).filter(({ hasPlace }) => hasPlace)
      .length;
  return { calls, places, arrive, come, comeUnjudged, placed, begun };
}

const overloaded = (reason: string) => ({ code: 'overloaded', options: { reason } });

async function rejectsAfterTwoSeconds(
  t: Test,
  turnOn: TurnOn,
  wait: Promise<unknown> | undefined,
  lack: string,
): Promise<void> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  wait?.then(end, end);
  await turnOn(1999);
  t.equal(isOver, false, 'a place may still become free');
  await turnOn(1);
  if (t.equal(isOver, true, 'two seconds are over')) {
    await t.rejects(Promise.resolve(wait), overloaded(lack));
  }
}

t.test('one app, client or origin can have all but a part of the last quarter', async (t) => {
  const turnOn = await stillTimers(t);
  for (const [kind, lack] of [
    ['app', 'app_share'],
    ['client', 'client_share'],
    ['origin', 'origin_share'],
  ] as const) {
    const { placed, come } = setUp(t, { max: 100 });
    const others = (i: number): Partial<Claim> => ({
      app: `a${i}`,
      client: `c${i}`,
      origin: `o${i}`,
      [kind]: 'greedy',
    });
    t.equal(placed(100, others), 76, kind);
    // Those that found no place have waited for longer, and are gone before this one.
    await turnOn(1);
    const { wait } = come(others(200));
    await rejectsAfterTwoSeconds(t, turnOn, wait, lack);
  }
});

t.test('those that hold few always find a place, however many are greedy', async (t) => {
  const { come, begun } = setUp(t, { max: 1024 });
  const places = (name: string) => begun.filter((one) => one === name).length;
  const comeAll = async (name: string, count: number) => {
    for (let i = 0; i < count; i++) come({ app: name, client: name, origin: name }, name);
    while (places(name) === 0) await nextTurn();
  };
  await comeAll('g0', 1024);
  t.equal(places('g0'), 751, 'three quarters of its origin');
  for (const name of ['g1', 'g2', 'g3', 'g4']) await comeAll(name, 500);
  for (let i = 0; i < 20; i++) await comeAll(`quiet-${i}`, 1);
});

t.test('a quiet call is next, before calls that wait for their share', async (t) => {
  const { placed, come, begun } = setUp(t, { max: 100 });
  placed(100, () => ({}));
  come({ app: 'quiet', client: 'd', origin: 'p' }, 'quiet');
  await nextTurn();
  await nextTurn();
  t.same(
    begun.filter((name) => name !== ''),
    ['quiet'],
  );
});

t.test('an origin has so many connections, shared like the whole', async (t) => {
  const turnOn = await stillTimers(t);
  const { placed, come } = setUp(t, { max: 1000, connections: 8 });
  t.equal(
    placed(10, () => ({})),
    7,
  );
  const { wait: second } = come({ app: 'b', client: 'd' });
  await t.resolves(Promise.resolve(second));
  const { wait: third } = come({ app: 'e', client: 'f' });
  await rejectsAfterTwoSeconds(t, turnOn, third, 'origin_connections');
});

t.test('small limits are used to the last place', async (t) => {
  for (const limit of [1, 2, 3]) {
    t.equal(
      setUp(t, { max: limit }).placed(limit + 1, () => ({})),
      limit,
      `max ${limit}`,
    );
    t.equal(
      setUp(t, { connections: limit }).placed(limit + 1, () => ({})),
      limit,
      `${limit} connections`,
    );
  }
});

t.test('apps take turns, and the clients and origins of an app', async (t) => {
  const { come, begun } = setUp(t, { connections: 1 });
  const running: { end: () => void }[] = [come({ app: 'x', client: 'x' }, 'first')];
  for (const i of [1, 2, 3]) running.push(come({ app: 'a' }, `a-c-${i}`));
  for (const i of [1, 2]) running.push(come({ app: 'a', client: 'd' }, `a-d-${i}`));
  for (const i of [1, 2]) running.push(come({ app: 'b' }, `b-c-${i}`));
  const order = ['first', 'a-c-1', 'b-c-1', 'a-d-1', 'b-c-2', 'a-c-2', 'a-d-2', 'a-c-3'];
  const byName = new Map(
    ['first', 'a-c-1', 'a-c-2', 'a-c-3', 'a-d-1', 'a-d-2', 'b-c-1', 'b-c-2'].map((name, i) => [
      name,
      running[i],
    ]),
  );
  for (const name of order) {
    t.equal(begun.at(-1), name);
    byName.get(name)?.end();
    await nextTurn();
    await nextTurn();
  }
});

t.test('a call that waits is not counted as in progress', async (t) => {
  const { calls, come } = setUp(t, { max: 4, connections: 1 });
  const { end } = come();
  t.equal(calls.free, 3);
  const waiting = come();
  t.equal(calls.free, 3);
  end();
  await t.resolves(Promise.resolve(waiting.wait));
  t.equal(calls.free, 3);
  waiting.end();
  t.equal(calls.free, 4);
});

t.test('a caller that disconnects leaves the queue', async (t) => {
  const { calls, come } = setUp(t, { max: 4, connections: 1 });
  const first = come();
  const second = come();
  const third = come();
  second.end();
  await t.rejects(Promise.resolve(second.wait), {
    code: 'request_invalid',
    options: { reason: 'caller_gone' },
  });
  first.end();
  await t.resolves(Promise.resolve(third.wait));
  third.end();
  t.equal(calls.free, 4);
});

t.test('an app with too many waiting calls is refused at once, and others are not', async (t) => {
  const { come } = setUp(t, { max: 2, connections: 1 });
  // One has the place, and the others a share of the queue.
  for (let i = 0; i < 4; i++) come();
  t.throws(() => come(), overloaded('origin_connections'));
  t.ok(come({ app: 'b' }).wait);
});

t.test('a thousand idle names are not remembered', async (t) => {
  const { come } = setUp(t, { max: 10, connections: 2 });
  for (let i = 0; i < 2500; i++) come({ app: `a${i}`, client: `c${i}` }).end();
  const { hasPlace } = come();
  t.ok(hasPlace);
});

t.test('hosts under a wildcard count as the wildcard: callers choose them', async (t) => {
  const { come, places } = setUp(t, { max: 1000 });
  const wildcard = '*.shop.example';
  for (let i = 0; i < 40; i++) come({ origin: `https://s${i}.shop.example`, wildcard });
  come({ origin: 'https://api.example' });
  const gauge = callGauges(places.shares).find(({ name }) => name === 'origin_calls');
  const expected = [
    [wildcard, 40],
    ['api.example', 1],
  ];
  t.same(gauge?.read(), expected);
});

t.test('calls in progress and waiting are told by app and host', async (t) => {
  const { come, places } = setUp(t, { max: 4 });
  const origin = 'https://api.example:8443';
  for (let i = 0; i < 4; i++) come({ app: 'one', origin });
  const ended = come({ app: 'two', origin });
  const told = () =>
    Object.fromEntries(callGauges(places.shares).map(({ name, read }) => [name, read()]));
  const before = told();
  const held = new Map(before.app_calls as [string, number][]);
  const waiting = new Map(before.app_calls_waiting as [string, number][]);
  t.equal((held.get('one') ?? 0) + (waiting.get('one') ?? 0), 4);
  t.equal((held.get('two') ?? 0) + (waiting.get('two') ?? 0), 1);
  t.match(before.origin_calls, [['api.example:8443', held.get('one')]]);
  ended.end();
  t.notOk(new Map(told().app_calls as [string, number][]).has('two'));
});

t.test('calls that are not judged yet count for their app', async (t) => {
  const { calls, come, comeUnjudged } = setUp(t, { max: 100 });
  const unjudged = Array.from({ length: 100 }, () => comeUnjudged('greedy'));
  t.equal(unjudged.filter(({ wait }) => wait === undefined).length, 76);
  t.equal(calls.free, 24, 'the others wait, and are not in progress');
  const quiet = come({ app: 'quiet' });
  t.ok(quiet.hasPlace);
  quiet.end();
  const waiting = unjudged.find(({ wait }) => wait !== undefined);
  unjudged[0]?.end();
  await t.resolves(Promise.resolve(waiting?.wait));
});

t.test('a call that is judged keeps its place, however many calls of its app wait', (t) => {
  const { comeUnjudged } = setUp(t, { max: 100 });
  const [first] = Array.from({ length: 100 }, () => comeUnjudged('a'));
  t.equal(first?.judge(), undefined);
  t.end();
});

t.test('a judged call gives up its place while it waits for a connection', async (t) => {
  const { calls, come, comeUnjudged } = setUp(t, { max: 4, connections: 1 });
  const there = come({ app: 'x' });
  const call = comeUnjudged('a');
  t.equal(calls.free, 2);
  const wait = call.judge();
  t.equal(calls.free, 3);
  there.end();
  await t.resolves(Promise.resolve(wait));
  t.equal(calls.free, 3);
  call.end();
  t.equal(calls.free, 4);
});

t.test('a call passes those that wait for other origins, and none for its own', async (t) => {
  const { come } = setUp(t, { max: 100, connections: 1 });
  const busy = come({ app: 'a' });
  come({ app: 'a' });
  t.equal(come({ app: 'b', client: 'd', origin: 'p' }).hasPlace, true);
  busy.end();
  t.equal(come({ app: 'b', client: 'd' }).hasPlace, false);
});

t.test('a call that ends before it has a place makes room for one that waits', async (t) => {
  const { arrive, come, begun } = setUp(t, { max: 1 });
  const { end } = arrive();
  come({}, 'next');
  end();
  for (let i = 0; i < 3; i++) await nextTurn();
  t.same(begun, ['next']);
});

t.test('a call whose app is told by its release takes no more than the share of it', (t) => {
  const { comeUnjudged } = setUp(t, { max: 100 });
  const call = comeUnjudged('');
  for (const app of ['b', 'a']) for (let i = 0; i < 60; i++) comeUnjudged(app);
  const wait = call.judge('a');
  t.ok(wait, 'behind the others');
  wait?.catch(() => undefined);
  t.end();
});

t.test('a call waits two seconds for its place', async (t) => {
  const turnOn = await stillTimers(t);
  const { placed, come } = setUp(t, { connections: 1 });
  t.equal(
    placed(1, () => ({})),
    1,
  );
  let outcome: unknown;
  come().wait?.catch((error) => {
    outcome = error;
  });
  await turnOn(1_999);
  t.equal(outcome, undefined);
  await turnOn(1);
  t.match(outcome, overloaded('origin_connections'));
});

t.test(
  'calls of a burst are rejected in several turns, so that others go on between them',
  async (t) => {
    const turnOn = await stillTimers(t);
    const { come, places } = setUp(t, { max: 1024 });
    const waits = Array.from({ length: 1100 }, () => come().wait).filter(
      (wait) => wait !== undefined,
    );
    t.ok(waits.length > 300);
    let rejected = 0;
    for (const wait of waits) {
      wait.catch(() => {
        rejected += 1;
      });
    }
    await turnOn(2000);
    t.ok(rejected > 0 && rejected < 60, 'eight in each of five turns');
    while (rejected < waits.length) await nextTurn();
    t.equal(places.shares.lack(places.shares.claimants({ app: 'b' }), 1, false), undefined);
  },
);

t.test('calls that waited begin in several turns, too', async (t) => {
  const { come, begun } = setUp(t, { max: 100 });
  const calls = Array.from({ length: 200 }, () => come());
  begun.length = 0;
  for (const { hasPlace, end } of calls) if (hasPlace) end();
  await nextTurn();
  t.ok(begun.length > 0 && begun.length < 20, String(begun.length));
});
