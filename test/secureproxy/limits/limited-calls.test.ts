import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { type Clock, systemClock } from '../../../shared/clock.ts';
import { ServiceError } from '../../../shared/errors.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { testClock } from '../../support/clock.ts';
import { begin, releaseOf, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { answer, startUpstream } from '../../support/upstream.ts';

/** A proxy before an upstream, whose type has these limits. */
async function setUp(
  t: Test,
  policy: Partial<Policy>,
  app = (client: string) => `app-${client}`,
  clock: Clock = systemClock,
) {
  const upstream = await startUpstream(t);
  let asked = 0;
  const proxy = await startProxy(t, {
    clock,
    obtain: async ({ clientId }) => {
      asked += 1;
      return releaseOf(
        { destinations: [upstream.url], ...policy },
        { app: app(clientId), cacheSeconds: 0 },
      );
    },
  });
  const members = (path: string, ClientId = 'acme') => ({
    ClientId,
    TokenType: 'test',
    ApiUri: upstream.url + path,
    Method: 'GET',
  });
  return {
    upstream,
    proxy,
    asked: () => asked,
    call: (path = '/', more: object = {}) => proxy.call({ ...members(path), ...more }),
    hangUp: (path: string) => {
      const { request } = begin(`${proxy.url}/request_api`, {
        method: 'POST',
        headers: ['content-type', 'application/json'],
        body: JSON.stringify(members(path)),
      });
      return () => request.destroy();
    },
  };
}

t.test('a call over the limit is answered 429, with what there is to know', async (t) => {
  const limits = ['2/h burst 2'];
  const { call, upstream, proxy } = await setUp(t, { limits }, undefined, testClock());
  t.match([await call(), await call()], [{ status: 200 }, { status: 200 }]);
  const over = await call();
  t.match(over, { status: 429, problem: { code: 'rate_limited', reason: 'limit_reached' } });
  t.equal(
    over.problem.detail,
    'Other calls use up the limit 2/h burst 2 of the token type, and this one would have to wait for 1800 s, which is too long.',
  );
  t.same(over.all('retry-after'), ['1800']);
  t.same(over.all('ratelimit'), ['"2/h burst 2";r=0;t=1800']);
  t.same(over.all('ratelimit-policy'), ['"2/h burst 2";q=2;w=3600']);
  t.match(over.all('proxy-status'), [/^secureproxy; error=/]);
  t.equal(upstream.requests.length, 2);
  t.match(await proxy.requestLine(2), {
    limit: '2/h burst 2',
    limited_ms: Number,
    'error.type': 'rate_limited',
  });
  t.notOk('limited_ms' in (await proxy.requestLine(0)));
});

t.test('a limit that stands twice counts once', async (t) => {
  const { call } = await setUp(t, { limits: ['2/h burst 2', '2/h burst 2'] });
  t.match([await call(), await call()], [{ status: 200 }, { status: 200 }]);
  t.match(await call(), { status: 429 });
});

t.test('a call waits for its slot if that is near, as far as its deadline allows', async (t) => {
  const { call, proxy } = await setUp(t, { limits: ['4/s burst 1'] });
  t.match(await Promise.all([call(), call(), call()]), [
    { status: 200 },
    { status: 200 },
    { status: 200 },
  ]);
  const waits = [0, 1, 2].map(async (place) => (await proxy.requestLine(place)).limited_ms ?? 0);
  const [first = 0, ...others] = (await Promise.all(waits)) as number[];
  t.equal(first, 0);
  for (const waited of others) t.ok(waited > 100, `${waited} ms`);
  const slow = await setUp(t, { limits: ['1/4s'] });
  t.match(await slow.call(), { status: 200 });
  const hurried = await slow.call('/', { TimeoutMs: 500 });
  t.match(hurried, { status: 429, problem: { reason: 'limit_reached' } });
});

t.test('clients have limits of their own, and paths, unless the type has it for all', async (t) => {
  const limits = ['2/h burst 2 /v1/*', '4 at once'];
  const { call } = await setUp(t, { limits });
  const statuses = async (...calls: readonly Promise<{ status: number }>[]) =>
    (await Promise.all(calls)).map(({ status }) => status);
  t.same(
    await statuses(call('/v1/a'), call('/v1%2Fa'), call('/v2/a'), call('/v2/a')),
    [200, 200, 200, 200],
  );
  t.same(
    await statuses(call('/v1/a'), call('/v%31/a'), call('//v1/a'), call('/v2')),
    [429, 429, 429, 200],
  );
  t.same(await statuses(call('/v1/a', { ClientId: 'other' })), [200]);
  const shared = await setUp(t, { limits: ['1/h per type'] });
  t.same(await statuses(shared.call()), [200]);
  t.same(await statuses(shared.call('/', { ClientId: 'other' })), [429]);
});

t.test('a client that waits for its limit holds up no other in that of all', async (t) => {
  const { call, proxy } = await setUp(t, { limits: ['1000/s per type', '1/4s'] });
  t.match(await call('/first'), { status: 200 });
  const waiting = call('/second');
  await call('/', { ClientId: 'warm' });
  for (const ClientId of ['b', 'c', 'd']) t.match(await call('/', { ClientId }), { status: 200 });
  t.match(await waiting, { status: 200 });
  const others = [1, 2, 3, 4].map((place) => proxy.requestLine(place));
  for (const entry of await Promise.all(others)) t.notOk('limited_ms' in entry);
});

t.test('the log adds up what a call waited, also for a retry', async (t) => {
  const { call, proxy, upstream } = await setUp(t, { limits: ['4/s burst 1'], retry: {} });
  await call();
  let left = 1;
  upstream.script((socket) => {
    left -= 1;
    socket.write(answer(left < 0 ? 200 : 503));
  });
  t.match(await call(), { status: 200 });
  const entry = await proxy.requestLine(1);
  t.match(entry, { limit: '4/s burst 1', 'upstream.retries': 1 });
  t.ok(Number(entry.limited_ms) > 0);
});

t.test('what is taken away while a call waits for its limit holds for it', async (t) => {
  const upstream = await startUpstream(t);
  upstream.script((socket) => void socket.end(answer(200, 'ok', [['Connection', 'close']])));
  let isTakenAway = false;
  let asked = 0;
  const proxy = await startProxy(t, {
    obtain: async () => {
      asked += 1;
      if (isTakenAway) throw new ServiceError('grant_denied', { reason: 'no_grant' });
      return releaseOf({ destinations: [upstream.url], limits: ['1/2s'] }, { cacheSeconds: 0 });
    },
  });
  const members = { ClientId: 'acme', TokenType: 'test', ApiUri: upstream.url, Method: 'GET' };
  t.match(await proxy.call(members), { status: 200 });
  const waiting = proxy.call(members);
  await until(() => asked === 2);
  isTakenAway = true;
  proxy.known.revoke();
  t.match(await waiting, { status: 403, problem: { reason: 'no_grant' } });
  t.equal(upstream.requests.length, 1);
  t.equal(upstream.connections(), 1);
});

t.test('a call that is judged again after its wait keeps its slot', async (t) => {
  const { call, asked, upstream, proxy } = await setUp(t, { limits: ['1 at once'] });
  const open: (() => void)[] = [];
  upstream.script((socket) => void open.push(() => socket.write(answer(200, 'ok'))));
  const first = call();
  await until(() => open.length === 1);
  const second = call();
  await until(() => asked() === 2);
  proxy.known.revoke();
  open[0]?.();
  t.match(await first, { status: 200 });
  await until(() => open.length === 2);
  open[1]?.();
  t.match(await second, { status: 200 });
  t.equal(asked(), 3);
});

t.test('a slot is given back when the answer ends, however it ends', async (t) => {
  const { call, hangUp, upstream } = await setUp(t, { limits: ['1 at once'] });
  const open: (() => void)[] = [];
  upstream.script((socket) => void open.push(() => socket.write(answer(200, 'ok'))));
  const first = call();
  await until(() => open.length === 1);
  t.match(await call('/', { TimeoutMs: 200 }), {
    status: 429,
    problem: { reason: 'limit_reached' },
  });
  const second = call();
  open[0]?.();
  t.match(await first, { status: 200 });
  await until(() => open.length === 2);
  open[1]?.();
  t.match(await second, { status: 200 });
  const leave = hangUp('/gone');
  await until(() => open.length === 3);
  leave();
  upstream.script((socket) => void socket.write(answer(200, 'ok')));
  t.match(await call(), { status: 200 });
});

t.test('an error of the caller costs what the limit says', async (t) => {
  const { call, upstream } = await setUp(t, { limits: ['60/h burst 12 errors 10'] });
  upstream.script((socket) => void socket.write(answer(404)));
  t.match([await call(), await call()], [{ status: 404 }, { status: 404 }]);
  t.match(await call(), { status: 429 });
  t.equal(upstream.requests.length, 2);
});

t.test('what the marketplace signals closes the limit of the call, and no other', async (t) => {
  const { call, upstream } = await setUp(t, { limits: ['1000/s', '100/s /v1/*'] });
  const limited = answer(429, 'slow down', [['Retry-After', '60']]);
  upstream.script(
    (socket, { target }) => void socket.write(target.startsWith('/v1') ? limited : answer(200)),
  );
  t.match(await call('/v1/a'), { status: 429, text: 'slow down' }, "the marketplace's own answer");
  const ours = await call('/v1/b');
  t.match(ours, { status: 429, problem: { code: 'rate_limited', reason: 'limit_closed' } });
  t.match(ours.all('retry-after'), [/^(?:60|5\d)$/]);
  t.match(await call('/v2'), { status: 200 });
  t.equal(upstream.requests.length, 2);
});

t.test('a signal to one client stops no other, if the client has a limit of its own', async (t) => {
  const cases: readonly (readonly [string[], string, number])[] = [
    [['9000/s per type', '1000/s'], '1000/s', 200],
    [['1000/s', '9000/s per type'], '1000/s', 200],
    [['1000/s', '900/s per type /v1/*'], '1000/s', 200],
    [['1000/s', '9000/s per type', '900/s /v1/*', '800/s /v1/*'], '900/s /v1/*', 200],
    [['9000/s per type'], '9000/s per type', 429],
  ];
  for (const [limits, closed, status] of cases) {
    const { call, upstream } = await setUp(t, { limits });
    const scripts = [answer(429, '', [['Retry-After', '60']])];
    upstream.script((socket) => void socket.write(scripts.pop() ?? answer(200)));
    t.match(await call('/v1/a'), { status: 429 });
    const ours = await call('/v1/a');
    t.match(ours.all('ratelimit').join(), `"${closed}";r=0;t=`);
    t.match(await call('/v1/a', { ClientId: 'other' }), { status }, limits.join());
  }
});

t.test('a type without limits heeds signals if it says so; others pass them on', async (t) => {
  const cases: readonly (readonly [Partial<Policy>, number])[] = [
    [{ limitSignal: { statuses: [503], maxSeconds: 60 } }, 429],
    [{}, 503],
  ];
  for (const [policy, status] of cases) {
    const { call, upstream } = await setUp(t, policy);
    upstream.script((socket) => void socket.write(answer(503, '', [['Retry-After', '60']])));
    t.match(await call('/', { Method: 'POST' }), { status: 503 });
    const second = await call('/', { Method: 'POST' });
    t.equal(second.status, status);
    if (status === 429) t.match(second.all('ratelimit'), [/^"signal";r=0;t=\d+$/]);
  }
});

const says = '{"code":"ApiCallLimit"}';
const zipped = (encode: (text: string) => Buffer, coding: string) =>
  answer(200, encode(says.padEnd(500)), [wait, ['Content-Encoding', coding]]);
const wait: [string, string] = ['Retry-After', '60'];
const inPieces = answer(
  200,
  [...says]
    .map((letter) => `1\r\n${letter}\r\n`)
    .join('')
    .concat('0\r\n\r\n'),
  [wait, ['Transfer-Encoding', 'chunked']],
);

for (const [name, sent, isHeeded, policy] of [
  ['whole', answer(200, says, [wait]), true],
  ['in pieces', inPieces, true],
  ['in an answer that is not searched', inPieces, true, { scrub: false }],
  ['compressed', zipped(gzipSync, 'gzip'), true],
  ['compressed, in one that is not searched', zipped(gzipSync, 'x-gzip'), true, { scrub: false }],
  ['in br, in one that is not searched', zipped(brotliCompressSync, 'br'), true, { scrub: false }],
  [
    'in deflate, in one that is not searched',
    zipped(deflateSync, 'deflate'),
    true,
    { scrub: false },
  ],
  ['in raw deflate, likewise', zipped(deflateRawSync, 'deflate'), true, { scrub: false }],
  ['in no gzip, likewise', zipped((text) => Buffer.from(text), 'gzip'), true, { scrub: false }],
  ['in an unknown coding, likewise', zipped(gzipSync, 'other'), false, { scrub: false }],
  ['at the end of 4 KiB', answer(200, says.padStart(4096), [wait]), true],
  ['behind them', answer(200, ' '.repeat(4096) + says, [wait]), false],
  ['with another status', answer(201, says, [wait]), false],
] as const) {
  t.test(`a body says that a limit was reached, ${name}`, async (t) => {
    const bodies = [{ status: 200, contains: '"ApiCallLimit"' }];
    const { call, upstream } = await setUp(t, { limitSignal: { bodies }, ...policy });
    upstream.script((socket) => void socket.write(sent));
    const first = await call();
    if (sent.includes(says)) t.match(first.text, says, 'and passes as it is');
    t.match(await call('/', { ClientId: 'other' }), { status: first.status });
    const second = await call();
    t.match(second, isHeeded ? { problem: { reason: 'limit_closed' } } : { status: first.status });
  });
}

t.test('a limit that this version does not know lets nothing through', async (t) => {
  const { call, upstream } = await setUp(t, { limits: ['50/s per app'] });
  t.match(await call(), { status: 500, problem: { code: 'integrity_failed', reason: 'policy' } });
  t.equal(upstream.requests.length, 0);
});
