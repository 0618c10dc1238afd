import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import t, { type Test } from 'tap';
import { LocalStore } from '../../../secureproxy/limits/local-store.ts';
import { RedisLink } from '../../../secureproxy/limits/redis-link.ts';
import * as scripts from '../../../secureproxy/limits/redis-scripts.ts';
import { RedisStore } from '../../../secureproxy/limits/redis-store.ts';
import type { Bucket, LimitStore } from '../../../secureproxy/limits/store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { capturedLog } from '../../support/log.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { noRedis, startRedis } from '../../support/redis.ts';

const bucket = (name: string, more: Partial<Bucket>): Bucket => ({
  key: name,
  name,
  rate: undefined,
  concurrent: undefined,
  ...more,
});
const hour = 3_600_000;
const perHour = (requests: number, burst: number) => ({ rate: { requests, seconds: 3600, burst } });
/** A server that answers every script so, in the protocol of Redis; on later connections with its last argument. */
async function startLiar(t: Test, lie: string): Promise<string> {
  let isFirst = true;
  const server = createServer((socket) => {
    const answer = (last: string) => (isFirst ? lie : `*1\r\n:${last}\r\n`);
    socket.on('error', () => undefined).on('close', () => (isFirst = false));
    socket.on('data', (bytes) => {
      for (const command of String(bytes).split(/(?=\*\d+\r\n\$\d+\r\n[A-Za-z]+)/)) {
        const [last = ''] = command.trimEnd().split('\r\n').slice(-1);
        socket.write(/^\S+\s+\S+\s+eval/i.test(command) ? answer(last) : '+OK\r\n');
      }
    });
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A script that needs nothing. */
const pong = 'return {1}';
const lease = (id: string) => ({ id, ms: 60_000 });
const demand = (one: Bucket) => ({ bucket: one, cost: 1 });

/** The contract of both stores; `name` keeps the buckets of tests apart. */
function contract(t: Test, name: string, open: (t: Test) => Promise<LimitStore>): void {
  t.test(`${name}: slots that are taken at the same time are all taken`, async (t) => {
    const store = await open(t);
    const slots = bucket('crowded', { concurrent: 1000 });
    const ids = Array.from({ length: 200 }, (_, at) => `crowd-${at}`);
    await Promise.all(ids.map((id) => store.take([demand(slots)], lease(id), 0)));
    t.match(await store.rooms([slots]), [{ used: 200, calls: 800, waitMs: 0 }]);
  });

  t.test(`${name}: a call that waits for a limit holds up nobody in its others`, async (t) => {
    const store = await open(t);
    const wide = bucket('wide', perHour(3600, 5));
    const narrow = bucket('narrow', perHour(2, 1));
    const both = [wide, narrow].map(demand);
    t.match(await store.take(both, lease('a'), 0), { granted: true, waitMs: 0 });
    const waiting = await store.take(both, lease('b'), hour);
    t.match(waiting, { granted: true, by: narrow });
    t.ok(waiting.waitMs > hour / 3, `${waiting.waitMs}`);
    t.match(await store.take([demand(wide)], lease('c'), 0), { granted: true, waitMs: 0 });
    store.close(narrow, hour);
    const closed = async () => (await store.rooms([narrow]))[0]?.closedMs ?? 0;
    await pollUntil('it is closed', closed, (ms) => ms > 0);
    t.match(await store.take(both, lease('d'), 2 * hour), { by: narrow, isClosed: true });
    t.match(await store.take([demand(wide)], lease('e'), 0), { granted: true, waitMs: 0 });
  });

  t.test(`${name}: what an error costs more is charged to its rate`, async (t) => {
    const store = await open(t);
    const rate = bucket('charged', perHour(60, 10));
    const slots = bucket('uncharged', { concurrent: 10 });
    for (const one of [rate, slots]) store.charge(one, 4);
    const left = async () => (await store.rooms([rate, slots])).map(({ calls }) => calls);
    t.same(await pollUntil('it is charged', left, ([calls]) => calls === 6), [6, 10]);
    for (let more = 0; more < 6; more++) store.charge(rate, 1);
    const room = await pollUntil(
      'it is full',
      async () => (await store.rooms([rate]))[0],
      (one) => one?.calls === 0,
    );
    t.equal(room?.used, 10);
    t.ok((room?.waitMs ?? 0) > 30_000 && (room?.waitMs ?? 0) <= 60_000, `${room?.waitMs}`);
  });

  t.test(`${name}: a slot is taken only when the call may start`, async (t) => {
    const store = await open(t);
    const slots = bucket('slots', { concurrent: 1 });
    const rate = bucket('rate', perHour(2, 1));
    const both = [slots, rate].map(demand);
    t.match(await store.take(both, lease('a'), 0), { granted: true, waitMs: 0 });
    t.match(await store.take(both, lease('b'), hour), { granted: false, by: slots });
    store.leave([slots, rate], 'a');
    t.match(await store.take(both, lease('b'), hour), { granted: true, by: rate });
    t.match(await store.take([demand(slots)], lease('c'), 0), { granted: true, waitMs: 0 });
    t.match(await store.take([demand(slots)], lease('b'), 0), { granted: false, by: slots });
  });

  t.test(`${name}: a slot is held for as long as its lease is renewed`, async (t) => {
    const store = await open(t);
    const slots = bucket('renewed', { concurrent: 1 });
    const rate = bucket('beside', perHour(2, 2));
    const take = async (id: string, ms = 60_000) =>
      (await store.take([demand(slots)], { id, ms }, 0)).granted;
    const pause = () => new Promise((done) => setTimeout(done, 400));
    t.ok(await take('a', 300));
    store.renew([slots, rate], lease('a'));
    await pause();
    t.notOk(await take('b'));
    store.leave([slots], 'a');
    t.ok(await take('b', 300));
    await pause();
    t.ok(await take('c'), 'one that is not renewed ends');
    store.leave([slots], 'c');
    store.renew([slots], lease('b'));
    t.notOk(await take('d'), 'one that was lost is taken again');
  });
}

contract(t, 'local', async () => new LocalStore(systemClock, () => 1));

t.test('no script uses a key that it does not declare, which some servers refuse', async (t) => {
  for (const [name, script] of Object.entries(scripts)) {
    t.match(script, 'KEYS', name);
    t.notMatch(script, 'secureproxy:', name);
  }
});

t.test('a Redis whose scripts answer otherwise counts as away', async (t) => {
  const answers = [
    '$-1',
    '*-1',
    ':1',
    '$2\r\nOK',
    '*0',
    '*1\r\n*1\r\n:1',
    '*4\r\n$-1\r\n$-1\r\n$-1\r\n$-1',
  ];
  for (const answer of answers) {
    const log = capturedLog('secureproxy');
    const link = new RedisLink({
      url: await startLiar(t, `${answer}\r\n`),
      memberId: 'one',
      clock: systemClock,
      log: log.logger,
      processes: () => 1,
    });
    await link.start();
    await pollUntil(
      'it is away',
      async () => log.lines().length,
      (lines) => lines > 0,
    );
    t.match(log.lines(), [{ msg: /^Redis is away/, err: { message: /^Redis answers/ } }], answer);
    const store = new RedisStore(link, new LocalStore(systemClock, () => 1));
    const slots = bucket('slots', { concurrent: 1 });
    t.match(await store.take([demand(slots)], lease('a'), 0), { granted: true, waitMs: 0 });
    t.match(await store.rooms([slots]), [{ used: 1, calls: 0 }]);
    await link.stop();
  }
});

for (const [what, bytes] of Object.entries({
  'of another protocol': 'HTTP/1.1 400 Bad Request\r\n\r\n',
  'of an answer without its end': '*1\r\n$9\r\n1',
  'of another script': '*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n',
  'of an answer too many': '*1\r\n:1\r\n*1\r\n:1\r\n',
  'of a primary that is one no more': '-READONLY\r\n',
})) {
  t.test(`after bytes ${what} no call gets another one's answer`, async (t) => {
    const link = new RedisLink({
      url: await startLiar(t, bytes),
      memberId: '1',
      clock: systemClock,
      log: pino({ enabled: false }),
      processes: () => 1,
    });
    await link.start();
    for (let asked = 100, answered = 0; answered < 3; asked += 1) {
      const answer = await link.run(pong, [], [asked], 1);
      if (Number(answer?.[0]) >= 100) answered += 1;
      if (answered > 0) t.same(answer, [asked]);
      await sleep(50);
    }
    await link.stop();
  });
}

t.test('on Redis', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const connect = async (t: Test, onAnswering = () => {}) => {
    const link = new RedisLink({
      url: redis.url,
      memberId: 'one',
      clock: systemClock,
      log: pino({ enabled: false }),
      processes: () => 1,
      onAnswering,
    });
    await link.start();
    t.teardown(() => link.stop());
    await pollUntil(
      'Redis answers',
      () => link.run(pong, [], [], 1),
      (answer) => answer !== undefined,
    );
    return link;
  };
  const open = async (t: Test) =>
    new RedisStore(await connect(t), new LocalStore(systemClock, () => 1));
  contract(t, 'Redis', open);

  t.test('an error ends the connection, also of a script without an answer', async (t) => {
    const link = await connect(t);
    t.same(await link.run('return', [], []), []);
    t.equal(await link.run("return redis.error_reply('READONLY')", [], []), undefined);
    t.equal(await link.run(pong, [], [], 1), undefined, 'it connects again');
  });

  t.test('an answer right behind an error is not taken for the return of Redis', async (t) => {
    let returns = 0;
    const link = await connect(t, () => {
      returns += 1;
    });
    t.equal(returns, 1, 'its first answer');
    const answers = [
      link.run("return redis.error_reply('READONLY')", [], []),
      link.run(pong, [], [], 1),
    ];
    await Promise.all(answers);
    t.equal(returns, 1, 'the connection has ended');
    await pollUntil(
      'it is back',
      async () => returns,
      (count) => count === 2,
    );
  });

  t.test(
    'all that is closed here can be told, however much, and opens nothing early',
    async (t) => {
      const local = new LocalStore(systemClock, () => 1);
      const store = new RedisStore(await connect(t), local);
      const other = await open(t);
      const told = (at: number) => bucket(`told-${at}`, perHour(9, 9));
      const [first, second, last] = [told(0), told(1), told(1001)];
      for (let at = 0; at < 1002; at += 1) local.close(told(at), 60_000);
      local.close(last, 120_000);
      other.close(second, 240_000);
      await other.rooms([second]);
      await store.closeAgain();
      const stranger = await open(t);
      const rooms = await stranger.rooms([first, second, last]);
      const minutes = rooms.map(({ closedMs }) => Math.round(closedMs / 60_000));
      t.same(minutes, [1, 4, 2]);
    },
  );

  t.test('a clock that is set back frees nothing early and holds nothing up', async (t) => {
    const store = await open(t);
    const slots = bucket('jumped-slots', { concurrent: 1 });
    const rate = bucket('jumped-rate', perHour(2, 2));
    const closed = bucket('jumped-signal', perHour(2, 2));
    const quick = bucket('quick', perHour(3600, 9));
    t.match(await store.take([demand(slots)], { id: 'a', ms: 400 }, 0), { granted: true });
    t.match(await store.take([demand(rate)], lease('a'), 0), { granted: true });
    store.close(closed, 400);
    await store.rooms([closed]);
    const later = [
      'HINCRBYFLOAT secureproxy:limit-clock last',
      'INCRBYFLOAT secureproxy:limit:jumped-rate',
      'INCRBYFLOAT secureproxy:limit:jumped-signal:closed',
    ];
    for (const command of later) await redis.ask(`${command} ${hour}`);
    await redis.ask(`ZINCRBY secureproxy:limit:jumped-slots ${hour} a`);
    const other = await open(t);
    t.match(await other.take([demand(slots)], lease('b'), 0), { granted: false });
    // The time that is known is up to half a second old.
    t.match(await other.take([demand(rate)], lease('b'), 500), { granted: true });
    t.match(await other.take([demand(rate)], lease('c'), 500), { granted: false });
    t.match(await other.take([demand(closed)], lease('b'), 0), { granted: false, isClosed: true });
    for (const id of 'defg') await other.take([demand(quick)], lease(id), 0);
    await sleep(1500);
    const [room] = await other.rooms([quick]);
    t.ok((room?.used ?? 4) < 4, 'time goes on');
    t.match(await redis.ask('PTTL secureproxy:limit-clock'), /^:26\d{8}\r/, 'for 31 days');
    t.match(await other.take([demand(slots)], lease('b'), 0), { granted: true });
    t.match(await other.take([demand(closed)], lease('b'), 0), { granted: true });
    const briefly = bucket('jumped-briefly', perHour(3600, 1));
    await other.take([demand(briefly)], lease('a'), 0);
    await redis.ask('HINCRBYFLOAT secureproxy:limit-clock last 800');
    await redis.ask('INCRBYFLOAT secureproxy:limit:jumped-briefly 800');
    const [{ waitMs } = { waitMs: Infinity }] = await other.rooms([briefly]);
    t.ok(waitMs < 1600, 'nor for less than a second');
  });
});
