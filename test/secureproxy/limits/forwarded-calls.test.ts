import t, { type Test } from 'tap';
import type { Policy } from '../../../shared/policy/schema.ts';
import { releaseOf, type SendOptions, someAppKey, startProxy } from '../../support/proxy.ts';
import { answers, type Script, startUpstream } from '../../support/upstream.ts';

/** A type with both ways in. */
async function setUp(t: Test, policy: Partial<Policy>, scripts: readonly Script[] = []) {
  const upstream = await startUpstream(t);
  const left = [...scripts];
  upstream.script((socket, request) => (left.shift() ?? answers(200, 'ok'))(socket, request));
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url], ...policy }),
  });
  const members = { ClientId: 'shop', TokenType: 'ozon', Method: 'GET' };
  return {
    upstream,
    proxy,
    call: (path: string) => proxy.call({ ...members, ApiUri: upstream.url + path }),
    forward: (path: string, { headers = [], ...more }: SendOptions = {}) =>
      proxy.send(`/forward/shop/ozon${path}`, {
        headers: ['authorization', `Bearer ${someAppKey}`, ...headers],
        ...more,
      }),
  };
}

const unavailable = answers(503, 'no');

t.test('a limit holds for both ways in together', async (t) => {
  const { call, forward, upstream } = await setUp(t, { limits: ['3/h burst 3 /v1/*'] });
  const sent = [await call('/v1/a'), await forward('/v1/a'), await forward('/v%31/a')];
  t.match(sent, [{ status: 200 }, { status: 200 }, { status: 200 }]);
  for (const over of [await call('/v1/a'), await forward('/v1/a')]) {
    t.match(over, { status: 429, problem: { code: 'rate_limited', reason: 'limit_reached' } });
    t.match(over.all('retry-after'), [/^1(?:200|1\d\d)$/]);
  }
  t.match(await forward('/v2'), { status: 200 });
  t.equal(upstream.requests.length, 4);
});

t.test('a signal to one way in closes the limit for the other', async (t) => {
  const slowDown = answers(429, 'slow down', [['Retry-After', '60']]);
  const { call, forward, upstream } = await setUp(t, { limits: ['1000/s'] }, [slowDown]);
  const theirs = await forward('/v1');
  t.match(theirs, { status: 429, text: 'slow down' });
  t.same(theirs.all('retry-after'), ['60']);
  t.match(theirs.all('proxy-status'), [/received-status=429$/]);
  const closed = { status: 429, problem: { reason: 'limit_closed' } };
  t.match([await call('/v1'), await forward('/v1')], [closed, closed]);
  t.equal(upstream.requests.length, 1);
});

t.test('a forwarded answer holds its slot until it ends, or its caller leaves', async (t) => {
  const begins: Script = (socket) =>
    void socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
  const { call, proxy, upstream } = await setUp(t, { limits: ['1 at once'] }, [begins]);
  const headers = { authorization: `Bearer ${someAppKey}` };
  const leave = new AbortController();
  const events = await fetch(`${proxy.url}/forward/shop/ozon/events`, {
    headers: { ...headers, 'x-secureproxy-timeout-ms': '1000' },
    signal: leave.signal,
  });
  t.equal(events.status, 200);
  const refused = await fetch(`${proxy.url}/forward/shop/ozon/v1`, {
    headers: { ...headers, 'x-secureproxy-timeout-ms': '200' },
  });
  t.equal(refused.status, 429);
  const next = call('/v1');
  leave.abort();
  t.match(await next, { status: 200 });
  t.equal(upstream.requests.length, 2);
});

t.test('a GET is sent again, and a body that has begun never', async (t) => {
  const retry: Policy['retry'] = { max: 1, methods: ['POST', 'PUT'] };
  const { forward, upstream, proxy } = await setUp(t, { retry }, [unavailable]);
  t.match(await forward('/v1', { method: 'GET' }), { status: 200, text: 'ok' });
  t.match(await proxy.requestLine(), { 'upstream.retries': 1 });
  for (const method of ['POST', 'PUT']) {
    upstream.script(unavailable);
    const before = upstream.requests.length;
    t.match(await forward('/v1', { method, body: 'once' }), { status: 503, text: 'no' });
    t.equal(upstream.requests.length, before + 1, method);
  }
});

t.test('a body that has not begun is sent whole once there is a connection', async (t) => {
  const { forward, upstream } = await setUp(t, { retry: { max: 5 } });
  const { port } = upstream;
  await upstream.close();
  const body = 'x'.repeat(100_000);
  const forwarded = forward('/v1', { method: 'POST', body });
  await new Promise((done) => setTimeout(done, 50));
  const second = await startUpstream(t, { port });
  t.match(await forwarded, { status: 200 });
  t.same(
    second.requests.map((request) => String(request.body)),
    [body],
  );
});
