import t, { type Test } from 'tap';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import type { Grant, Policy } from '../../../shared/policy/schema.ts';
import type { Binding } from '../../../shared/protocol/messages.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { loopback, type SendOptions, startProxy } from '../../support/proxy.ts';
import { readRaw, sendRaw } from '../../support/raw-http.ts';
import { answers, startUpstream } from '../../support/upstream.ts';

const toTest: Binding = { clientId: 'acme', tokenType: 'test' };

/** KeyServer, SecureProxy, and two marketplaces; an app without a key may call all of them. */
async function setUp(t: Test) {
  const upstream = await startUpstream(t);
  const other = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  const putType = (id: string, ...destinations: string[]) =>
    keyserver.putType(id, {
      destinations,
      unsafePlaintext: true,
      unsafeAllowPrivate: loopback,
    } satisfies Partial<Policy>);
  await putType('test', upstream.url, other.url);
  await putType('other', other.url);
  await keyserver.putToken('acme', 'test', 'fixture-token');
  await keyserver.putToken('acme', 'other', 'other-token');
  await keyserver.putApp('anonymous', { key: null });
  const key = makeCallerKey('spk_', { isBound: true });
  await keyserver.putApp('shop', { key, bound: toTest });
  const proxy = await startProxy(t, {
    keyserverUrl: keyserver.url,
    proxyKey: await keyserver.putProxy('edge'),
  });
  const as = (given: string, path: string, more: SendOptions = {}) =>
    proxy.send(path, {
      ...more,
      headers: ['authorization', `Bearer ${given}`, ...(more.headers ?? [])],
    });
  return {
    ...{ upstream, other, keyserver, proxy, key, as },
    send: (path: string, more?: SendOptions) => as(key, path, more),
    raw: async (start: string, ...lines: string[]) =>
      readRaw(
        await sendRaw(
          proxy.url,
          `${[start, 'Host: localhost', 'Connection: close', ...lines].join('\r\n')}\r\n\r\n`,
        ),
      ),
    asked: () => keyserver.log().filter((line) => line['url.template'] === '/whoami').length,
  };
}

t.test('a bound key routes every path but those of calls', async (t) => {
  const { upstream, send, proxy, other } = await setUp(t);
  const paths = [
    '/',
    '/v1/orders?a=1&a=&b',
    '//v1',
    '/healthz',
    '/readyz',
    '/metrics',
    '/docs',
    '/docs/json',
    '/errors/grant_denied',
    '/forward',
    '/forwards/a/b',
    '/%66orward/a/b/c',
    '/request_api/',
    '/%72equest_api',
    '/checks',
    '/explain;x',
    '/Check',
    '/a%2Fb',
  ];
  for (const path of paths) t.equal((await send(path)).status, 200, path);
  t.strictSame(
    upstream.requests.map(({ target }) => target),
    paths.map((path) => (path === '//v1' ? '/v1' : path)),
  );
  t.ok(upstream.requests.every(({ head }) => /Bearer fixture-token/.test(head)));
  t.notMatch(upstream.requests.map(({ head }) => head).join(), /spk_/);
  t.match(await proxy.requestLine(), { app: 'shop', client: 'acme', token_type: 'test' });
  t.equal((await send(`/~localhost:${other.port}/v2`)).status, 200);
  t.equal(other.requests.at(-1)?.target, '/v2');
  await send('///v1');
  t.equal(upstream.requests.at(-1)?.target, '//v1');
});

t.test('methods and bodies pass, also where a page of ours is', async (t) => {
  const { upstream, send } = await setUp(t);
  for (const method of ['HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])
    t.equal((await send('/healthz', { method })).status, 200, method);
  await send('/docs', { method: 'POST', body: 'a=1', headers: ['content-type', 'text/x'] });
  t.match(upstream.requests.at(-1), { method: 'POST', target: '/docs', head: /text\/x/i });
  t.equal(upstream.requests.at(-1)?.body.toString(), 'a=1');
  t.strictSame(
    upstream.requests.slice(0, 6).map(({ method }) => method),
    ['HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'],
  );
  t.equal((await send('/healthz', { method: 'PROPFIND' })).status, 405);
  t.match((await send('/v1', { headers: ['upgrade', 'websocket'] })).problem, {
    reason: 'upgrade',
  });
});

t.test('the key is found wherever an SDK puts it', async (t) => {
  const { upstream, proxy, key } = await setUp(t);
  for (const [path, headers] of [
    ['/healthz', ['api-key', key]],
    ['/healthz', ['authorization', `Basic ${btoa(`${key}:x`)}`]],
    [`/healthz?token=${key}`, []],
    [`/healthz?auth=${btoa(`u:${key}`)}`, []],
  ] as const)
    t.equal((await proxy.send(path, { headers })).status, 200);
  t.strictSame(
    upstream.requests.map(({ target }) => target),
    Array(4).fill('/healthz'),
  );
});

t.test('without a bound key our pages are our pages, and the rest is 404', async (t) => {
  const { upstream, proxy, as, keyserver, asked } = await setUp(t);
  const plain = await keyserver.putApp('plain', { bound: toTest });
  const shortened = makeCallerKey('spk_', { isBound: true }).slice(0, 12);
  for (const send of [
    (path: string, more?: SendOptions) => proxy.send(path, more),
    (path: string, more?: SendOptions) => as(plain, path, more),
    (path: string, more?: SendOptions) => as(makeCallerKey('spk_'), path, more),
    (path: string, more?: SendOptions) => as(makeCallerKey('spx_', { isBound: true }), path, more),
    (path: string, more?: SendOptions) => as(shortened, path, more),
  ]) {
    t.match((await send('/healthz')).text, '"status":"ok"');
    t.equal((await send('/healthz', { method: 'HEAD' })).status, 200);
    t.equal((await send('/healthz', { method: 'OPTIONS' })).status, 405);
    t.match((await send('/v1/orders')).problem, {
      code: 'route_not_found',
      detail: /\/forward\/\{ClientId\}\/\{TokenType\}; .* bound app/,
    });
  }
  t.equal(asked(), 0, 'KeyServer is not asked');
  t.equal(upstream.requests.length, 0);
});

t.test('a key that is none is rejected, and never anonymous', async (t) => {
  const { upstream, as, key } = await setUp(t);
  const last = key.endsWith('0') ? '1' : '0';
  for (const path of ['/healthz', '/v1']) {
    t.match((await as(makeCallerKey('spk_', { isBound: true }), path)).problem, {
      code: 'caller_unauthenticated',
      reason: 'app_unknown',
    });
    t.match((await as(key.slice(0, -1) + last, path)).problem, {
      code: 'caller_unauthenticated',
      reason: 'app_key_form',
    });
    t.match((await as(key, path, { headers: ['x-key', makeCallerKey('spk_')] })).problem, {
      reason: 'two_app_keys',
    });
    t.match((await as(key, `${path}/${key}`)).problem, { reason: 'app_key_misplaced' });
  }
  t.equal(upstream.requests.length, 0);
});

t.test('pages of other sites and loops are refused as at /forward', async (t) => {
  const { upstream, send } = await setUp(t);
  for (const [headers, reason] of [
    [['origin', 'https://evil.example'], 'cross_site'],
    [['sec-fetch-site', 'cross-site'], 'cross_site'],
    [['host', 'rebound.example', 'origin', 'http://rebound.example'], 'cross_site'],
    [['via', '1.1 secureproxy'], 'loop'],
  ] as const)
    t.match((await send('/v1', { headers })).problem, { reason }, headers.join());
  t.equal(upstream.requests.length, 0);
});

t.test('other forms of target are as they were', async (t) => {
  const { upstream, raw, key } = await setUp(t);
  const bearer = `Authorization: Bearer ${key}`;
  t.match(await raw('GET http://localhost/healthz HTTP/1.1', bearer), { status: 200 });
  t.match(await raw('GET http://localhost/v1 HTTP/1.1', bearer), { status: 404 });
  t.match(await raw('GET http://localhost/forward/acme/test/v1 HTTP/1.1', bearer), {
    status: 400,
    problem: { reason: 'forward_path' },
  });
  t.match(await raw('OPTIONS * HTTP/1.1', bearer), { status: 404 });
  for (const path of ['/../healthz', '/v1/%2e%2e/x', '/./'])
    t.match(await raw(`GET ${path} HTTP/1.1`, bearer), {
      problem: { reason: 'url_dot_segment' },
    });
  t.equal(upstream.requests.length, 0);
});

t.test('an ordinary key of an app that was bound later routes nothing', async (t) => {
  const { upstream, keyserver, as } = await setUp(t);
  const ordinary = await keyserver.putApp('later', { bound: toTest });
  t.match(await as(ordinary, '/v1'), { status: 404 });
  t.match(await as(ordinary, '/healthz'), { status: 200 });
  t.match(await as(ordinary, '/%66orward/acme/test/v1'), {
    status: 400,
    problem: { reason: 'forward_path' },
  });
  t.equal(upstream.requests.length, 0);
  t.equal((await as(ordinary, '/forward/acme/test/v1')).status, 200);
});

t.test('the routes of calls take a bound key as any other', async (t) => {
  const { other, upstream, send, as, keyserver } = await setUp(t);
  t.equal((await send('/forward/acme/other/v1')).status, 200);
  t.match(other.requests.at(-1)?.head, 'Bearer other-token');
  const call = { ClientId: 'acme', TokenType: 'other', ApiUri: `${other.url}/v2` };
  const json = ['content-type', 'application/json'];
  for (const path of ['/request_api', '/request_api?x', '/explain']) {
    const body = JSON.stringify(call);
    t.equal((await send(path, { method: 'POST', headers: json, body })).status, 200, path);
  }
  t.match((await send('/check', { method: 'POST', headers: json, body: '{}' })).problem, {
    reason: 'schema',
  });
  for (const path of ['/request_api', '/explain', '/check'])
    t.equal((await send(path)).status, 405, path);
  t.match((await send('/forward/acme')).problem, { reason: 'forward_path' });
  t.equal(upstream.requests.length, 0);
  // The grants decide, not the binding.
  const key = makeCallerKey('spk_', { isBound: true });
  const grants = [{ client: 'acme', type: 'other' }];
  await keyserver.putApp('narrow', { key, bound: toTest, grants });
  t.equal((await as(key, '/forward/acme/other/v3')).status, 200);
  t.match((await as(key, '/v3')).problem, { reason: 'no_grant' });
});

t.test('links lead back to the root', async (t) => {
  const { upstream, other, send } = await setUp(t);
  const location = async (value: string) => {
    upstream.script(answers(302, '', [['Location', value]]));
    const answer = await send('/v1/a');
    return answer.all('location')[0] ?? `elsewhere: ${answer.all('x-upstream-location')[0]}`;
  };
  const own = `/~localhost:${upstream.port}`;
  t.equal(await location('b?x'), `${own}/v1/b?x`);
  t.equal(await location(`${other.url}/c`), `/~localhost:${other.port}/c`);
  t.equal(await location('//evil.example/c'), 'elsewhere: http://evil.example/c');
  const next = await location('/healthz');
  upstream.script(answers(200));
  t.equal((await send(next)).status, 200);
  t.equal(upstream.requests.at(-1)?.target, '/healthz');
});

t.test('the grants of the app decide on its binding', async (t) => {
  const { upstream, other, as, keyserver } = await setUp(t);
  const cases: [Grant[], Binding | undefined, object][] = [
    [[{ client: 'acme', type: 'other' }], toTest, { code: 'grant_denied', reason: 'no_grant' }],
    [[{ client: 'acme', type: 'test', paths: ['/v2/*'] }], toTest, { reason: 'path' }],
    [[{ client: '*', type: '*' }], { ...toTest, tokenType: 'gone' }, { code: 'type_not_found' }],
    [[{ client: '*', type: '*' }], undefined, { code: 'grant_denied', reason: 'not_bound' }],
  ];
  for (const [grants, bound, problem] of cases) {
    const key = makeCallerKey('spk_', { isBound: true });
    await keyserver.putApp('judged', { key, grants, ...(bound && { bound }) });
    t.match((await as(key, '/v1')).problem, problem);
  }
  t.equal(upstream.requests.length + other.requests.length, 0);
});

t.test('a warm call asks KeyServer for nothing', async (t) => {
  const { send, keyserver } = await setUp(t);
  await send('/v1');
  const asked = () =>
    keyserver.log().filter((line) => ['/', '/whoami'].includes(String(line['url.template'])))
      .length;
  const before = asked();
  for (let i = 0; i < 3; i++) t.equal((await send('/v1')).status, 200);
  t.equal(asked(), before);
});

t.test(
  'a binding that changes, and an app that is gone, are known by the change feed',
  async (t) => {
    const { other, send, keyserver, proxy, key } = await setUp(t);
    t.equal((await send('/v1')).status, 200);
    await keyserver.putApp('shop', { key, bound: { ...toTest, tokenType: 'other' } });
    await proxy.feed.ask();
    t.equal((await send('/moved')).status, 200);
    t.match(other.requests.at(-1), { target: '/moved', head: /Bearer other-token/ });
    await keyserver.putApp('shop', { key });
    await proxy.feed.ask();
    t.match((await send('/v1')).problem, { reason: 'not_bound' });
    await keyserver.deleteDocument('app', 'shop');
    await proxy.feed.ask();
    t.equal((await send('/v1')).status, 401);
    t.notOk((proxy.logText() + keyserver.logText()).includes(key));
  },
);
