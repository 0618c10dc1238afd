import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import type { Lookup } from '../../../secureproxy/guard/lookup.ts';
import { upstreamError } from '../../../secureproxy/upstream/errors.ts';
import { freePort } from '../../support/free-port.ts';
import { releaseOf, resolvesTo, startProxy } from '../../support/proxy.ts';
import { answers, startUpstream, writes } from '../../support/upstream.ts';

async function setUp(
  t: Test,
  origin: string,
  settings: Record<string, string> = {},
  lookup?: Lookup,
) {
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [origin], scrub: false }),
    settings,
    ...(lookup ? { lookup } : {}),
  });
  const call = (more: object = {}) =>
    proxy.call({ ClientId: 'acme', TokenType: 'test', ApiUri: `${origin}/`, ...more });
  return { proxy, call };
}

t.test('a connection that does not come about in time is upstream_timeout', async (t) => {
  // It takes connections and never says a word of TLS.
  const silent = createServer((socket) => socket.on('error', () => undefined)).listen(
    0,
    '127.0.0.1',
  );
  await once(silent, 'listening');
  t.teardown(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const { call } = await setUp(t, `https://localhost:${port}`, {
    UPSTREAM_CONNECT_TIMEOUT_MS: '50',
  });
  const answer = await call();
  t.match(answer, {
    status: 504,
    problem: { code: 'upstream_timeout', reason: 'connect_timeout' },
  });
  t.strictSame(answer.all('proxy-status'), ['secureproxy; error=connection_timeout']);
});

t.test('headers that do not come in time are upstream_timeout', async (t) => {
  const upstream = await startUpstream(t);
  upstream.script(writes('HTTP/1.1 200 OK\r\nX-Some'));
  const { call } = await setUp(t, upstream.url, { UPSTREAM_HEADERS_TIMEOUT_MS: '50' });
  const answer = await call();
  t.match(answer, {
    status: 504,
    problem: { code: 'upstream_timeout', reason: 'headers_timeout' },
  });
  t.strictSame(answer.all('proxy-status'), ['secureproxy; error=http_response_timeout']);
});

t.test('a body that falls silent breaks off', async (t) => {
  const upstream = await startUpstream(t);
  upstream.script(writes('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome'));
  const { call, proxy } = await setUp(t, upstream.url, { UPSTREAM_BODY_TIMEOUT_MS: '50' });
  t.match(await call(), { status: 200, text: 'some', whole: false });
  t.match(await proxy.requestLine(), {
    'http.response.status_code': 200,
    'error.type': 'upstream_timeout',
    'error.reason': 'body_timeout',
  });
});

t.test('a call that as a whole takes too long ends, before its head and after', async (t) => {
  const upstream = await startUpstream(t);
  upstream.script(() => undefined);
  const { call, proxy } = await setUp(t, upstream.url, { UPSTREAM_TOTAL_TIMEOUT_MS: '1000' });
  for (const more of [{}, { TimeoutMs: 500 }, { TimeoutMs: 3_600_000 }]) {
    const answer = await call(more);
    t.match(answer, {
      status: 504,
      problem: { code: 'upstream_timeout', reason: 'total_timeout' },
    });
    t.strictSame(answer.all('proxy-status'), ['secureproxy; error=http_response_timeout']);
  }
  upstream.script((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const trickle = setInterval(() => socket.write('1\r\nx\r\n'), 10);
    socket.once('close', () => clearInterval(trickle));
  });
  t.match(await call(), { status: 200, whole: false });
  t.match(await proxy.requestLine(3), {
    'error.type': 'upstream_timeout',
    'error.reason': 'total_timeout',
    'upstream.response.status_code': 200,
  });
});

t.test('a refused connection is upstream_unreachable', async (t) => {
  const { call } = await setUp(t, `http://localhost:${await freePort()}`);
  const answer = await call();
  t.match(answer, {
    status: 502,
    problem: { code: 'upstream_unreachable', reason: 'connection_refused' },
  });
  t.strictSame(answer.all('proxy-status'), ['secureproxy; error=connection_refused']);
});

t.test('a name that does not resolve is upstream_unreachable', async (t) => {
  for (const code of ['ENOTFOUND', 'EAI_AGAIN']) {
    const failing: Lookup = async () => {
      throw Object.assign(new Error('resolver text'), { code });
    };
    const { call } = await setUp(t, 'http://shop.example', {}, failing);
    const answer = await call();
    t.match(answer, { status: 502, problem: { code: 'upstream_unreachable', reason: 'dns' } });
    t.strictSame(answer.all('proxy-status'), ['secureproxy; error=dns_error']);
    t.notMatch(answer.text, 'resolver text');
  }
});

t.test('a name without any address is upstream_unreachable, and the proxy lives on', async (t) => {
  const { call } = await setUp(t, 'http://shop.example', {}, resolvesTo());
  for (let i = 0; i < 2; i++) {
    t.match(await call(), {
      status: 502,
      problem: { code: 'upstream_unreachable', reason: 'dns' },
    });
  }
});

t.test('a connection that is reset before the answer is upstream_unreachable', async (t) => {
  const upstream = await startUpstream(t);
  const { call } = await setUp(t, upstream.url);
  upstream.script((socket) => socket.resetAndDestroy());
  const answer = await call();
  t.match(answer, {
    status: 502,
    problem: { code: 'upstream_unreachable', reason: 'connection_closed' },
  });
  t.strictSame(answer.all('proxy-status'), ['secureproxy; error=connection_terminated']);
  t.equal(upstream.requests.length, 1, 'what has a body is not sent twice');
  upstream.script(answers(200, 'ok'));
  t.equal((await call()).status, 200);
});

t.test('an upstream that answers before it has the whole request is given as it is', async (t) => {
  const upstream = await startUpstream(t);
  upstream.script((socket) => {
    socket.write('HTTP/1.1 413 Some\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig');
    socket.end();
  });
  const { call } = await setUp(t, upstream.url);
  t.match(await call({ Body: 'x'.repeat(1000) }), { status: 413, text: 'big', whole: true });
});

t.test('errors of a kind that nobody foresaw are internal, without their text', (t) => {
  t.match(upstreamError(new TypeError('private text')), {
    code: 'internal',
    options: { reason: 'unexpected', cause: { message: 'private text' } },
  });
  t.notMatch(upstreamError(new TypeError('private text')).message, 'private');
  t.end();
});
