import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Policy } from '../../../shared/policy/schema.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { releaseOf, startProxy, type TestProxy } from '../../support/proxy.ts';
import { noRedis, startRedis } from '../../support/redis.ts';
import { until } from '../../support/until.ts';
import { answer, startUpstream } from '../../support/upstream.ts';

t.test('two proxies with one Redis', { skip: noRedis }, async (t) => {
  const redis = await startRedis(t);
  const upstream = await startUpstream(t);

  const start = (t: Test, policy: Partial<Policy>) =>
    startProxy(t, {
      obtain: async ({ clientId }) =>
        releaseOf(
          { destinations: [upstream.url], ...policy },
          { app: `app-${clientId}`, cacheSeconds: 0 },
        ),
      settings: { REDIS_URL: redis.url },
    });
  /** Both proxies, connected. */
  const startBoth = async (t: Test, policy: Partial<Policy>) => {
    const proxies = await Promise.all([start(t, policy), start(t, policy)]);
    await pollUntil(
      'both are connected',
      () => redis.ask('CLIENT LIST'),
      (text) => text.split('\n').filter((line) => /cmd=(?:eval|ping)/.test(line)).length >= 2,
    );
    return proxies;
  };
  const call = (proxy: TestProxy, TokenType: string, ClientId = 'acme', more: object = {}) =>
    proxy.call({
      ClientId,
      TokenType,
      ApiUri: `${upstream.url}/${ClientId}`,
      Method: 'GET',
      ...more,
    });

  const signalTo = async (t: Test, proxy: TestProxy, client: string) => {
    upstream.script((socket) => void socket.write(answer(429, '', [['Retry-After', '120']])));
    t.match(await call(proxy, 'told', client), { status: 429, problem: {} });
    upstream.script((socket) => void socket.write(answer(200)));
  };
  /** Signals, by Redis. */
  const known = (count: number) =>
    pollUntil(
      `${count} are known`,
      () => redis.ask('KEYS *:closed'),
      (text) => text.startsWith(`*${count}`),
    );

  /** Three crowds and a lone app call again as soon as they are answered, for 4 s. */
  const rush = async (t: Test, limit: string) => {
    const [one, other] = await startBoth(t, { limits: [limit] });
    upstream.requests.length = 0;
    const counts = new Map<string, number>();
    let isOver = false;
    const caller = async (proxy: TestProxy, client: string) => {
      while (!isOver) {
        const { status } = await call(proxy, 'rush', client);
        if (status === 200) counts.set(client, (counts.get(client) ?? 0) + 1);
      }
    };
    const crowd = (proxy: TestProxy, client: string) =>
      Array.from({ length: 8 }, () => caller(proxy, client));
    const began = performance.now();
    const callers = [
      ...crowd(one, 'a'),
      ...crowd(other, 'b'),
      ...crowd(other, 'c'),
      caller(other, 'lone'),
    ];
    await sleep(4000);
    const took = (performance.now() - began) / 1000;
    const granted = upstream.requests.length;
    isOver = true;
    await Promise.all(callers);
    return { granted, took, counts };
  };

  t.test('50 a second are 50 a second', async (t) => {
    const { granted, took } = await rush(t, '50/s per type');
    // The burst of a full bucket is the one call that it has beyond its rate.
    t.ok(granted <= 50 * took * 1.05 + 2, `${granted} calls in ${took} s`);
  });

  t.test('no app starves', async (t) => {
    // So few that a busy machine can make more: else its own time is shared, not the limit.
    const { counts } = await rush(t, '10/s per type');
    t.equal(counts.size, 4);
    // Those of one proxy take turns; in order of arrival each of the crowds would have eight times as many as the lone one.
    const [lone = 0, ...crowds] = ['lone', 'b', 'c'].map((client) => counts.get(client) ?? 0);
    t.ok(lone * 7 > Math.max(...crowds), `calls of each app: ${JSON.stringify([...counts])}`);
  });

  t.test('a signal at one proxy stops the other', async (t) => {
    const [one, other] = await startBoth(t, { limits: ['1000/s'] });
    upstream.script((socket) => void socket.write(answer(429, '', [['Retry-After', '120']])));
    t.match(await call(one, 'signal'), { status: 429, problem: {} });
    upstream.script((socket) => void socket.write(answer(200)));
    const closed = () => redis.ask('KEYS *:closed');
    await pollUntil('it is known', closed, (text) => text.startsWith('*1'));
    const sent = upstream.requests.length;
    for (const proxy of [one, other]) {
      const ours = await call(proxy, 'signal');
      t.match(ours, { status: 429, problem: { reason: 'limit_closed' } });
      t.match(ours.all('retry-after'), [/^1(?:20|1\d)$/]);
    }
    t.equal(upstream.requests.length, sent);
    await redis.ask('FLUSHALL');
    const { status, problem } = await call(one, 'signal');
    t.match([status, problem], [429, { reason: 'limit_closed' }], 'Redis was started again');
    t.equal(upstream.requests.length, sent);
  });

  t.test('a signal that Redis has lost, or did not hear of, is told again', async (t) => {
    const [one, other] = await startBoth(t, { limits: ['1000/s'] });
    await redis.ask('FLUSHALL');
    const signal = (client: string) => signalTo(t, one, client);
    await signal('lost');
    await known(1);
    await redis.kill();
    await signal('unheard');
    await redis.start();
    await known(2);
    await until(() => other.log().some(({ msg }) => String(msg).startsWith('Redis is back')));
    const sent = upstream.requests.length;
    for (const client of ['lost', 'unheard']) {
      const refused = await call(other, 'told', client);
      t.match([refused.status, refused.problem], [429, { reason: 'limit_closed' }], client);
      t.match(refused.all('retry-after'), [/^1(?:20|1\d)$/], client);
    }
    t.equal(upstream.requests.length, sent);
  });

  t.test('a signal that comes before Redis answers at first is told', async (t) => {
    await redis.ask('FLUSHALL');
    redis.pause();
    t.teardown(redis.resume);
    const proxy = await start(t, { limits: ['1000/s'] });
    await signalTo(t, proxy, 'early');
    redis.resume();
    await known(1);
  });

  t.test(
    'an answer that comes too late to use Redis again is not taken for its return',
    async (t) => {
      const [one] = await startBoth(t, { limits: ['1000/s'] });
      await redis.ask('FLUSHALL');
      upstream.script((socket) => void socket.write(answer(429, '', [['Retry-After', '120']])));
      redis.pause();
      t.teardown(redis.resume);
      const first = call(one, 'told', 'first');
      await sleep(300);
      const second = call(one, 'told', 'second');
      // The second has its answer in time, though the first had it not.
      await first;
      redis.resume();
      await second;
      upstream.script((socket) => void socket.write(answer(200)));
      await known(2);
    },
  );

  t.test('slots are shared, and expire', async (t) => {
    const [one, other] = await startBoth(t, { limits: ['1 at once'] });
    let open = () => {};
    upstream.script((socket) => {
      open = () => socket.write(answer(200));
    });
    const sent = upstream.requests.length;
    const first = call(one, 'slots');
    await until(() => upstream.requests.length > sent);
    t.match(await call(other, 'slots', 'acme', { TimeoutMs: 2000 }), { status: 429 });
    upstream.script((socket) => void socket.write(answer(200)));
    const second = call(other, 'slots');
    open();
    t.match([await first, await second], [{ status: 200 }, { status: 200 }]);
  });

  t.test('Redis that is killed, stands still or starts again loses no call', async (t) => {
    const [one, other] = await startBoth(t, { limits: ['1000/h burst 500'] });
    const both = () => Promise.all([call(one, 'away'), call(other, 'away')]);
    const fine = [{ status: 200 }, { status: 200 }];
    const said = (proxy: TestProxy, text: string) =>
      proxy.log().filter(({ msg }) => String(msg).startsWith(text)).length;
    t.match(await both(), fine);
    await redis.kill();
    for (let i = 0; i < 20; i += 1) t.match(await both(), fine);
    for (const proxy of [one, other]) await until(() => said(proxy, 'Redis is away') === 1);
    const away = [one, other].map((proxy) =>
      proxy.log().find(({ msg }) => String(msg).startsWith('Redis is away')),
    );
    t.ok(
      away.some((entry) => entry?.share === 2),
      'the one that came second has seen both',
    );
    await redis.start();
    for (const proxy of [one, other]) {
      await pollUntil(
        'it is back',
        () => call(proxy, 'away'),
        () => said(proxy, 'Redis is back') === 1,
      );
    }
    t.match(await redis.ask('KEYS secureproxy:limit:*'), /^\*[1-9]/, 'it counts there again');
    redis.pause();
    for (let i = 0; i < 5; i += 1) t.match(await both(), fine);
    redis.resume();
    t.match(await both(), fine);
    for (const proxy of [one, other]) t.equal(said(proxy, 'Redis is away'), 2);
  });

  t.test('what Redis is late to grant is given back', async (t) => {
    const [one] = await startBoth(t, { limits: ['1 at once'] });
    const fine = { status: 200 };
    t.match(await call(one, 'late'), fine);
    redis.pause();
    t.match(await call(one, 'late'), fine, 'counted by itself');
    redis.resume();
    const isBack = () => one.log().some(({ msg }) => String(msg).startsWith('Redis is back'));
    while (!isBack()) t.match(await call(one, 'late'), fine);
    t.match(await call(one, 'late'), fine);
  });

  t.test('a slot that is left while there is no connection is free once there is', async (t) => {
    const [one] = await startBoth(t, { limits: ['1 at once'] });
    let open = () => {};
    upstream.script((socket) => {
      open = () => socket.write(answer(200));
    });
    const sent = upstream.requests.length;
    const first = call(one, 'left');
    await until(() => upstream.requests.length > sent);
    await redis.ask('CLIENT KILL TYPE normal');
    open();
    t.match(await first, { status: 200 });
    upstream.script((socket) => void socket.write(answer(200)));
    await until(() => one.log().some(({ msg }) => String(msg).startsWith('Redis is back')));
    t.match(await call(one, 'left', 'acme', { TimeoutMs: 2000 }), { status: 200 });
  });

  t.test('absurd numbers in Redis stop calls, and no more', async (t) => {
    const [one] = await startBoth(t, { limits: ['100/h burst 50', '5 at once'] });
    await redis.ask('FLUSHALL');
    t.match(await call(one, 'absurd'), { status: 200 });
    const asked = async () =>
      Number(/eval:calls=(\d+)/.exec(await redis.ask('INFO commandstats'))?.[1]);
    const keys = (await redis.ask('KEYS secureproxy:limit:*')).split('\r\n');
    const [key = ''] = keys.filter((line) => line.startsWith('secureproxy:'));
    for (const [value, status] of [
      ['1e300', 429],
      ['inf', 429],
      ['nan', 200],
      ['-1e300', 200],
      ['words', 200],
    ] as const) {
      await redis.ask(`SET ${key} ${value}`);
      const before = await asked();
      const answered = await call(one, 'absurd', 'acme', { TimeoutMs: 1000 });
      t.equal(answered.status, status, value);
      t.ok((await asked()) - before < 100, 'it asks now and then');
      const [seconds = '1'] = answered.all('retry-after');
      t.ok(Number(seconds) >= 1 && Number(seconds) <= 2_592_000, seconds);
    }
    await redis.ask('FLUSHALL');
  });

  t.test('Redis learns no names, and keeps nothing', async (t) => {
    const [one] = await startBoth(t, { limits: ['100/s', '5 at once'] });
    t.match(await call(one, 'secret-type', 'secret-client'), { status: 200 });
    const keys = await redis.ask('KEYS *');
    t.notMatch(keys, /secret/);
    const names = keys.split('\r\n').filter((line) => line.startsWith('secureproxy:'));
    t.ok(names.length > 0);
    for (const name of names) t.match(await redis.ask(`PTTL ${name}`), /^:(?!-1)/, name);
  });
});
