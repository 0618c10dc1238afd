import t, { type Test } from 'tap';
import type { Policy } from '../../../shared/policy/schema.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { plainPolicy } from '../../support/pair-state.ts';
import {
  begin,
  loopback,
  startProxy,
  type TestProxy,
  type TestProxyOptions,
} from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { answer, startUpstream, writes } from '../../support/upstream.ts';

const secret = 'made-up-secret-0f1e2d3c4b5a';

async function setUp(
  t: Test,
  policy: Partial<Policy> = {},
  options: Partial<TestProxyOptions> = {},
) {
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  await keyserver.putType('test', {
    destinations: [upstream.url],
    unsafePlaintext: true,
    unsafeAllowPrivate: loopback,
    probe: { method: 'GET', url: `${upstream.url}/me` },
    ...policy,
  });
  await keyserver.putToken('acme', 'test', secret);
  const appKey = await keyserver.putApp('orders');
  const proxy = await startProxy(t, {
    keyserverUrl: keyserver.url,
    proxyKey: await keyserver.putProxy('edge'),
    ...options,
  });
  const check = async (more: object = {}, key: string | null = appKey) => {
    const answered = await proxy.send('/check', {
      method: 'POST',
      headers: [...(key === null ? [] : ['x-key', key]), ...['content-type', 'application/json']],
      body: JSON.stringify({ ClientId: 'acme', TokenType: 'test', ...more }),
    });
    return { ...answered, json: JSON.parse(answered.text) };
  };
  return { upstream, keyserver, proxy, appKey, check };
}

t.test('a token that works is valid, by one call with the token', async (t) => {
  const { upstream, check, proxy, appKey } = await setUp(t);
  const { status, json, text, all } = await check();
  t.equal(status, 200);
  t.same(json, { verdict: 'valid', detail: 'The marketplace accepts the token.', status: 200 });
  t.same(all('cache-control'), ['no-store']);
  const { method, target, all: sent } = upstream.only();
  t.same([method, target], ['GET', '/me']);
  t.same(sent('authorization'), [`Bearer ${secret}`]);
  t.same(sent('user-agent'), ['secureproxy']);
  for (const told of [text, proxy.logText()]) {
    t.notOk(told.includes(secret));
    t.notOk(told.includes(appKey));
  }
  t.match(await proxy.requestLine(), {
    ...{ app: 'orders', client: 'acme', token_type: 'test', 'url.template': '/check' },
    'upstream.response.status_code': 200,
  });
});

t.test('nothing of the answer comes through, whatever a lying upstream sends', async (t) => {
  const { upstream, check } = await setUp(t);
  for (const [sent, verdict] of [
    [answer(200, '{"verdict":"revoked","detail":"call 555"}', [['X-Evil', 'yes']]), 'valid'],
    [
      answer(401, `<b>${secret}</b>`, [
        ['Set-Cookie', 'a=b'],
        ['WWW-Authenticate', 'Evil'],
      ]),
      'revoked',
    ],
    [answer(302, '', [['Location', 'https://evil.example/']]), 'unclear'],
    [answer(429, 'x', [['Retry-After', '999999']]), 'limited'],
  ] as const) {
    upstream.script((socket) => void socket.write(sent));
    const { status, json, rawHeaders } = await check();
    t.equal(status, 200);
    t.equal(json.verdict, verdict);
    t.same(Object.keys(json).sort(), ['detail', 'status', 'verdict']);
    const told = JSON.stringify([rawHeaders, json]);
    for (const evil of ['evil', 'Evil', 'call 555', 'a=b', '999999', secret])
      t.notOk(told.includes(evil));
  }
});

t.test('an endless answer is left after its start', async (t) => {
  const { upstream, check } = await setUp(t);
  const bounded = 256 * 1024 * 1024;
  let sent = 0;
  upstream.script((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    const chunk = `1000\r\n${'x'.repeat(4096)}\r\n`;
    const more = () => {
      do sent += chunk.length;
      while (!socket.destroyed && sent < bounded && socket.write(chunk));
      if (sent >= bounded) socket.destroy();
      else if (!socket.destroyed) socket.once('drain', more);
    };
    more();
  });
  t.match((await check()).json, { verdict: 'valid', status: 200 });
  await until(() => upstream.open.size === 0);
  t.ok(sent < bounded, `${sent} bytes`);
});

t.test('a marketplace that cannot answer is unreachable, within the time', async (t) => {
  const { upstream, check } = await setUp(t);
  // The release is cached, so that the time is the marketplace's.
  t.match((await check()).json, { verdict: 'valid' });
  upstream.script(() => undefined);
  t.match((await check({ TimeoutMs: 1000 })).json, {
    ...{ verdict: 'unreachable', code: 'upstream_timeout' },
  });
  upstream.script(writes('nonsense\r\n\r\n'));
  t.match((await check()).json, { verdict: 'unreachable', code: 'upstream_invalid' });
  await upstream.close();
  t.match((await check()).json, { verdict: 'unreachable', code: 'upstream_unreachable' });
});

t.test('a page of HTML says nothing of the token, unless a meaning says so', async (t) => {
  const { upstream, keyserver, check } = await setUp(t);
  const page = (type: string) => answer(200, '<html>Sign in</html>', [['Content-Type', type]]);
  const verdictOf = async (type: string) => {
    upstream.script((socket) => void socket.write(page(type)));
    return (await check()).json;
  };
  for (const type of ['text/html', 'Text/HTML; charset=utf-8', 'application/xhtml+xml']) {
    t.match(await verdictOf(type), { verdict: 'unclear', status: 200 }, type);
  }
  for (const type of ['application/json', 'text/htmlx', 'text/plain; a="text/html"']) {
    t.match(await verdictOf(type), { verdict: 'valid', status: 200 }, type);
  }
  await keyserver.putType('meant', {
    ...plainPolicy(upstream.url),
    probe: {
      ...{ method: 'GET', url: `${upstream.url}/me` },
      meanings: [{ status: 200, contains: 'Sign in', means: 'valid' }],
    },
  });
  await keyserver.putToken('acme', 'meant', secret);
  upstream.script((socket) => void socket.write(page('text/html')));
  t.match((await check({ TokenType: 'meant' })).json, { verdict: 'valid' });
});

t.test('a call that the proxy delays itself is an error: nothing was asked', async (t) => {
  const { upstream, keyserver, check } = await setUp(t);
  const goOn = Promise.withResolvers<void>();
  const findTokens = keyserver.store.findTokens.bind(keyserver.store);
  keyserver.store.findTokens = (...names) => goOn.promise.then(() => findTokens(...names));
  const { status, json } = await check({ TimeoutMs: 3000 });
  t.equal(status, 504);
  t.match(json, { code: 'upstream_timeout', reason: 'keyserver_timeout' });
  t.equal(upstream.requests.length, 0);
  goOn.resolve();
});

const checksOf = (proxy: TestProxy) =>
  proxy.log().filter((line) => line['url.template'] === '/check');

t.test('a wait for its place shortens its time once, or is an error', async (t) => {
  const { upstream, check, proxy, appKey } = await setUp(t, {}, { settings: { CALLS_MAX: '8' } });
  t.match((await check()).json, { verdict: 'valid' });
  const arrived = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  upstream.script((socket, { target }) => {
    if (target !== '/slow') return void socket.write(answer(200, 'ok'));
    if (upstream.requests.length === 8) arrived.resolve();
    void goOn.promise.then(() => socket.write(answer(200, 'ok')));
  });
  const slow = Array.from({ length: 7 }, () =>
    proxy.call(
      { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/slow` },
      { headers: ['x-key', appKey] },
    ),
  );
  await arrived.promise;
  const hurried = await check({ TimeoutMs: 500 });
  t.equal(hurried.status, 504);
  t.match(hurried.json, { code: 'upstream_timeout', reason: 'queue_timeout' });
  const checked = check({ TimeoutMs: 2800 });
  setTimeout(() => goOn.resolve(), 1500);
  t.match((await checked).json, { verdict: 'valid' });
  await until(() => checksOf(proxy).length === 3);
  const { 'queue.duration_ms': waitedMs } = checksOf(proxy)[2] ?? {};
  t.ok(Number(waitedMs) > 1000, 'the wait is logged');
  for (const { status } of await Promise.all(slow)) t.equal(status, 200);
});

t.test('a caller that hangs up ends the call of its check', async (t) => {
  const { upstream, proxy, appKey } = await setUp(t);
  upstream.script(() => undefined);
  const { request } = begin(`${proxy.url}/check`, {
    method: 'POST',
    headers: ['x-key', appKey, 'content-type', 'application/json'],
    body: JSON.stringify({ ClientId: 'acme', TokenType: 'test', TimeoutMs: 60_000 }),
  });
  await until(() => upstream.requests.length === 1);
  request.destroy();
  await until(() => upstream.open.size === 0);
  t.match(await proxy.requestLine(), { 'error.reason': 'caller_gone' });
});

t.test('a stored token that has expired is expired, without a call', async (t) => {
  const { upstream, keyserver, check } = await setUp(t);
  await keyserver.putToken('late', 'test', secret, '2020-01-01T00:00:00.000Z');
  t.match((await check({ ClientId: 'late' })).json, { verdict: 'expired', code: 'token_expired' });
  t.equal(upstream.requests.length, 0);
});

t.test('errors are those of a call', async (t) => {
  const { upstream, keyserver, check } = await setUp(t);
  const none = await keyserver.putApp('none', { grants: [] });
  const other = await keyserver.putApp('other', {
    grants: [{ client: '*', type: '*', paths: ['/orders/*'] }],
  });
  const wide = await keyserver.putApp('wide', {
    grants: [{ client: '*', type: '*', paths: ['/me'] }],
  });
  await keyserver.putType('bare', { destinations: ['https://a.example'] });
  await keyserver.putToken('acme', 'bare', secret);
  let tokenReads = 0;
  const findTokens = keyserver.store.findTokens.bind(keyserver.store);
  keyserver.store.findTokens = (...names) => {
    tokenReads += 1;
    return findTokens(...names);
  };
  for (const [more, key, status, problem] of [
    [{}, null, 401, { code: 'caller_unauthenticated' }],
    [{}, none, 403, { code: 'grant_denied', reason: 'no_grant' }],
    [{ TokenType: 'bare' }, none, 403, { code: 'grant_denied', reason: 'no_grant' }],
    [{ TokenType: 'no-type' }, none, 403, { code: 'grant_denied', reason: 'no_grant' }],
    [{}, other, 403, { code: 'grant_denied', reason: 'path' }],
    [{ ClientId: 'nobody' }, undefined, 424, { code: 'token_not_found' }],
    [{ TokenType: 'no-type' }, undefined, 424, { code: 'type_not_found' }],
    [{ TokenType: 'bare' }, undefined, 400, { code: 'request_invalid', reason: 'no_probe' }],
    [{ TokenType: '\u0000' }, undefined, 400, { code: 'request_invalid', reason: 'name' }],
    [
      { ApiUri: 'https://a.example/' },
      undefined,
      400,
      { code: 'request_invalid', reason: 'schema' },
    ],
    [{ TimeoutMs: 0 }, undefined, 400, { code: 'request_invalid', reason: 'schema' }],
  ] as const) {
    const answered = await check(more, key);
    t.equal(answered.status, status, JSON.stringify(more));
    t.match(answered.json, problem);
  }
  t.equal(upstream.requests.length, 0);
  t.equal(tokenReads, 1, 'of the client that has no token');
  t.match((await check({}, wide)).json, { verdict: 'valid' });
});

t.test(
  'a cached release does not hide that a type has no probe, or whose grants lack it',
  async (t) => {
    const { upstream, keyserver, proxy, check, appKey } = await setUp(t, {
      probe: undefined as never,
    });
    const call = () =>
      proxy.call(
        { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/orders` },
        { headers: ['x-key', appKey] },
      );
    t.equal((await call()).status, 200);
    t.match((await check()).json, { code: 'request_invalid', reason: 'no_probe' });
    const narrow = await keyserver.putApp('narrow', {
      grants: [{ client: '*', type: '*', paths: ['/orders'] }],
    });
    t.match((await check({}, narrow)).json, { code: 'request_invalid' });
  },
);

t.test('a check holds one place of its app', async (t) => {
  const { upstream, check, proxy } = await setUp(t);
  const arrived = Promise.withResolvers<() => void>();
  upstream.script((socket) => arrived.resolve(() => void socket.write(answer(200, 'ok'))));
  const checked = check();
  const go = await arrived.promise;
  const { text } = await proxy.send('/metrics');
  t.match(text, /^secureproxy_app_calls\{app="orders"\} 1$/m);
  go();
  t.match((await checked).json, { verdict: 'valid' });
});
