import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyRequest } from 'fastify';
import t, { type Test } from 'tap';
import type { Policy } from '../../../shared/policy/schema.ts';
import { releaseOf, type SendOptions, someAppKey, startProxy } from '../../support/proxy.ts';
import { answers, startUpstream } from '../../support/upstream.ts';
import { exchange, startWireUpstream } from '../../support/wire.ts';

const bearer = ['authorization', `Bearer ${someAppKey}`];

async function setUp(
  t: Test,
  policyOf: (origin: string) => Partial<Policy> = () => ({}),
  grant: object = {},
) {
  const upstream = await startUpstream(t);
  const other = await startUpstream(t);
  let asked = 0;
  const proxy = await startProxy(t, {
    obtain: async () => {
      asked += 1;
      return releaseOf(
        { destinations: [upstream.url, other.url], scrub: false, ...policyOf(upstream.url) },
        { grants: [{ client: '*', type: '*', ...grant }] },
      );
    },
  });
  return {
    upstream,
    other,
    proxy,
    asked: () => asked,
    send: (path: string, { headers = bearer, ...more }: SendOptions = {}) =>
      proxy.send(path, { headers, ...more }),
  };
}

t.test('the secret takes the place of the key, wherever the SDK put it', async (t) => {
  const { upstream, send } = await setUp(t);
  for (const [path, headers] of [
    ['/forward/shop-1/ozon/v1', bearer],
    ['/forward/shop-1/ozon/v1', ['api-key', someAppKey]],
    ['/forward/shop-1/ozon/v1', ['authorization', `Basic ${btoa(`${someAppKey}:x`)}`]],
    [`/forward/shop-1/ozon/v1?a=1&key=${someAppKey}&b=`, []],
    [`/forward/shop-1/ozon/v1?key=${someAppKey.replace('_', '%5F')}`, []],
    // Each of the three offsets of base64.
    [`/forward/shop-1/ozon/v1?auth=${btoa(someAppKey)}`, []],
    [`/forward/shop-1/ozon/v1?auth=${btoa(`u:${someAppKey}`)}`, []],
    [`/forward/shop-1/ozon/v1?auth=${btoa(`me:${someAppKey}`)}&b=`, []],
  ] as const) {
    t.equal((await send(path, { headers })).status, 200);
    const { head } = upstream.requests.at(-1) ?? {};
    t.match(head, 'Authorization: Bearer fixture-token');
    t.notMatch(head, /spk/i);
  }
  t.strictSame(
    upstream.requests.map(({ target }) => target),
    ['/v1', '/v1', '/v1', '/v1?a=1&b=', '/v1', '/v1', '/v1', '/v1?b='],
  );
});

t.test('a request without a body costs no stream', async (t) => {
  const { send } = await setUp(t);
  const ended: boolean[] = [];
  const channel = 'tracing:fastify.request.handler:start';
  const note = (message: unknown) =>
    ended.push((message as { request: FastifyRequest }).request.raw.readableEnded);
  subscribe(channel, note);
  t.teardown(() => unsubscribe(channel, note));
  await send('/forward/shop-1/ozon/v1');
  await send('/forward/shop-1/ozon/v1', { method: 'POST', body: 'a' });
  t.strictSame(ended, [true, false]);
});

t.test('without a key nobody is served, whatever anonymous may do', async (t) => {
  const { upstream, proxy } = await setUp(t);
  for (const headers of [[], ['authorization', 'Bearer token-of-a-marketplace']]) {
    const { status, problem } = await proxy.send('/forward/shop-1/ozon/v1', { headers });
    const expected = { code: 'caller_unauthenticated', reason: 'app_key_missing', detail: /spk_/ };
    t.match([status, problem], [401, expected]);
  }
  t.equal(upstream.requests.length, 0);
});

t.test('what is left of a key is told from no key', async (t) => {
  const { upstream, proxy, asked } = await setUp(t);
  const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
  const lefts = ['spk_', someAppKey.slice(0, 23), `spk_${'-'.repeat(36)}`];
  for (const left of lefts) {
    for (const [path, headers] of [
      ['/forward/shop-1/ozon/v1', ['authorization', `Bearer ${left}`]],
      ['/forward/shop-1/ozon/v1', ['api-key', ` "${left}"`]],
      ['/forward/shop-1/ozon/v1', ['authorization', basic(`${left}:`)]],
      ['/forward/shop-1/ozon/v1', ['authorization', basic(`user:${left}`)]],
      [`/forward/shop-1/ozon/v1?key=+${left}`, []],
    ] as const) {
      const { status, problem } = await proxy.send(path, { headers });
      t.match([status, problem], [401, { code: 'caller_unauthenticated', reason: 'app_key_form' }]);
    }
  }
  const headers = ['x-order', 'a text of spk_', 'x-more', 'xspk_a'];
  const { problem } = await proxy.send('/forward/shop-1/ozon/v1', { headers });
  t.equal(problem.reason, 'app_key_missing');
  t.equal(asked() + upstream.requests.length, 0);
});

t.test('a value that begins as a key does goes on with a call that has one', async (t) => {
  const { upstream, send } = await setUp(t);
  const headers = [...bearer, 'x-table', 'spk_orders'];
  t.match(await send('/forward/shop-1/ozon/v1?a=spk_b', { headers }), { status: 200 });
  t.match(upstream.only().head, /spk_orders/);
});

t.test('names are decoded once, and one slash too many at the seam is dropped', async (t) => {
  const { upstream, proxy, send } = await setUp(t);
  await send('/forward/a%2Fb%2525/%D0%BE%D0%B7/v1');
  t.match(await proxy.requestLine(), { client: 'a/b%25', token_type: 'оз' });
  for (const path of ['', '/', '//', '//v1', '?a', '/?a', '/a//b'])
    await send(`/forward/c/t${path}`);
  t.strictSame(
    upstream.requests.slice(1).map(({ target }) => target),
    ['/', '/', '/', '/v1', '/?a', '/?a', '/a//b'],
  );
});

t.test('refuses paths that are none, without an error in the log', async (t) => {
  const { proxy, send } = await setUp(t);
  for (const [path, reason] of [
    // The router takes them, but the names would be cut elsewhere.
    ['/%66orward/c/t/v1', 'forward_path'],
    ['/forwar%64/shop-1/ozon/v1', 'forward_path'],
    ['/forward/c', 'forward_path'],
    ['/forward/c/', 'forward_path'],
    ['/forward/c/?x', 'forward_path'],
    ['/forward//t/v1', 'name'],
    ['/forward/%ff/t/v1', 'name'],
    ['/forward/%00/t/v1', 'name'],
    [`/forward/c/t/${someAppKey}`, 'app_key_misplaced'],
  ]) {
    t.match((await send(path as string)).problem, { reason }, String(path));
  }
  t.same(
    proxy.log().filter(({ level }) => level === 'error'),
    [],
  );
});

t.test('a key in the path is told by the name of its place', async (t) => {
  const { send } = await setUp(t);
  t.match(
    (await send(`/forward/c/t/v1/${someAppKey}`)).problem.detail,
    /^The path contains an app key/,
  );
});

t.test('what a URL cannot have is sent encoded', async (t) => {
  const upstream = await startWireUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [`http://localhost:${upstream.port}`] }),
  });
  upstream.next(async (socket, whole) => {
    await whole;
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  });
  const line = `GET /forward/c/t/a"b'c\\d?q="'\\<> HTTP/1.1\r\n`;
  const bytes = Buffer.from(`${line}Host: localhost\r\nkey: ${someAppKey}\r\n\r\n`, 'latin1');
  t.match((await exchange(proxy.port, { bytes })).start, '200');
  t.match((await upstream.last()).start, `GET /a%22b'c%5Cd?q=%22%27%5C%3C%3E HTTP`);
  for (const path of ['/../x', '/v1/%2e%2e/x', '/v1/.']) {
    const dotted = `GET /forward/c/t${path} HTTP/1.1\r\nHost: localhost\r\nkey: ${someAppKey}\r\n\r\n`;
    t.match((await exchange(proxy.port, { bytes: dotted })).body.toString(), 'url_dot_segment');
  }
});

t.test('another destination is named, and no wildcard or stranger is', async (t) => {
  const { upstream, send } = await setUp(t, (origin) => ({
    destinations: [origin, 'http://localhost:1/only', 'http://*.shop.example'],
  }));
  t.equal((await send(`/forward/c/t/~localhost:${upstream.port}/v1?x`)).status, 200);
  t.equal((await send(`/forward/c/t/~LOCALHOST:${upstream.port}//v2`)).status, 200);
  t.equal((await send(`/forward/c/t/~localhost:${upstream.port}`)).status, 200);
  t.strictSame(
    upstream.requests.map(({ target }) => target),
    ['/v1?x', '/v2', '/'],
  );
  for (const [path, reason] of [
    ['~evil.example/v1', 'host_not_listed'],
    ['~a.shop.example/v1', 'host_not_listed'],
    ['~shop.example/v1', 'host_not_listed'],
    ['~*.shop.example/v1', 'host_not_listed'],
    ['~localhost:1/v1', 'not_listed'],
    [`~x@localhost:${upstream.port}/v1`, 'host_not_listed'],
    ['~/v1', 'host_not_listed'],
  ])
    t.match((await send(`/forward/c/t/${path}`)).problem, { reason }, String(path));
});

t.test('a type whose first destination is a wildcard is called by name only', async (t) => {
  const { upstream, send } = await setUp(t, (origin) => ({
    destinations: ['http://*.shop.example', origin],
  }));
  t.match((await send('/forward/c/t/v1')).problem, { reason: 'first_wildcard' });
  t.equal((await send(`/forward/c/t/~localhost:${upstream.port}/v1`)).status, 200);
});

t.test('grants limit method and path', async (t) => {
  const { upstream, send } = await setUp(t, undefined, { methods: ['GET'], paths: ['/v1/*'] });
  t.equal((await send('/forward/c/t/v1/x')).status, 200);
  t.match((await send('/forward/c/t/v2/x')).problem, { reason: 'path' });
  t.match((await send('/forward/c/t/v1/x', { method: 'POST' })).problem, { reason: 'method' });
  t.equal(upstream.requests.length, 1);
});

t.test('links at destinations lead through the proxy, others are shown', async (t) => {
  const { upstream, other, send } = await setUp(t);
  const base = '/forward/c/t';
  const here = `${base}/~localhost:${upstream.port}`;
  const rows = [
    ['/next?a=%2F#x', `${here}/next?a=%2F#x`],
    ['next', `${here}/v1/next`],
    ['/a#b#c', `${here}/a#b#c`],
    [`${upstream.url}//x`, `${here}///x`],
    [`${other.url}/y`, `${base}/~localhost:${other.port}/y`],
    ['https://evil.example/y', undefined],
    [`https://localhost:${upstream.port}/y`, undefined],
  ] as const;
  for (const [location, expected] of rows) {
    for (const status of [201, 302, 307]) {
      upstream.script(answers(status, '', [['Location', location]]));
      const got = await send('/forward/c/t/v1/x');
      t.strictSame(got.all('location'), expected === undefined ? [] : [expected], location);
      t.strictSame(got.all('x-upstream-location'), expected === undefined ? [location] : []);
    }
  }
  upstream.script(
    answers(200, '', [['Link', '</p2>; rel="next", <https://evil.example/>; rel="x"']]),
  );
  t.strictSame((await send('/forward/c/t/v1')).all('link'), [
    `<${here}/p2>; rel="next", <https://evil.example/>; rel="x"`,
  ]);
});

t.test('a link outside of the path of its destination is shown alone', async (t) => {
  const { upstream, send } = await setUp(t, (origin) => ({ destinations: [`${origin}/v1`] }));
  for (const [location, isOurs] of [
    ['/v1/next', true],
    ['/v2/next', false],
    ['/v1/..%2fnext', false],
  ] as const) {
    upstream.script(answers(302, '', [['Location', location]]));
    const got = await send('/forward/c/t/v1/x');
    t.strictSame(
      [got.all('location').length, got.all('x-upstream-location').length],
      isOurs ? [1, 0] : [0, 1],
      location,
    );
  }
});

t.test('a searched answer to HEAD has no length, and a range is not asked for', async (t) => {
  const { upstream, send } = await setUp(t, () => ({ scrub: true }));
  upstream.script(answers(200, '', [['Content-Length', '99']]));
  const got = await send('/forward/c/t/v1', {
    method: 'HEAD',
    headers: [...bearer, 'range', 'bytes=0-1'],
  });
  t.strictSame([got.status, got.all('content-length')], [200, []]);
  t.strictSame(upstream.only().all('range'), []);
});

t.test('the secret does not come back', async (t) => {
  const { upstream, send } = await setUp(t, () => ({ scrub: true }));
  upstream.script(answers(200, 'your token is fixture-token', [['Content-Type', 'text/plain']]));
  const { text } = await send('/forward/c/t/v1');
  t.match(text, 'your token is');
  t.notMatch(text, 'fixture-token');
});

t.test('a body with an app key does not arrive', async (t) => {
  const upstream = await startWireUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [`http://localhost:${upstream.port}`] }),
  });
  const head = ['host: localhost', `authorization: Bearer ${someAppKey}`].join('\r\n');
  for (const [lead, key] of [
    ['', someAppKey],
    ['x'.repeat(100_000), someAppKey],
    ['x'.repeat(100_000), someAppKey.replace('spk_', '\\u0073pk_')],
  ] as const) {
    upstream.next(() => undefined);
    const body = `${lead}${key} and the rest`;
    const bytes = `POST /forward/c/t/v1 HTTP/1.1\r\n${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const got = await exchange(proxy.port, { bytes });
    t.match(got.start, '400');
    t.match(got.body.toString(), 'app_key_misplaced');
  }
  const [, , ...lines] = proxy.log();
  t.notMatch(JSON.stringify(lines), someAppKey);
});

t.test('100 is said once the call is decided, on every route', async (t) => {
  const { upstream, proxy } = await setUp(t, undefined, { paths: ['/v1/*'] });
  const ask = (line: string, key: string = someAppKey, type = 'text/plain') =>
    exchange(proxy.port, {
      bytes: `POST ${line} HTTP/1.1\r\nhost: localhost\r\nkey: ${key}\r\ncontent-type: ${type}\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n`,
      afterContinue: '{}',
    });
  const allowed = await ask('/forward/c/t/v1/x');
  t.match(allowed, { start: /200/, interim: [/100/] });
  t.equal(upstream.only().body.toString(), '{}');
  t.match(await ask('/forward/c/t/v2/x'), { start: /403/, interim: { length: 0 } });
  t.match(await ask('/forward/c/t/v1/x', 'none'), { start: /401/, interim: { length: 0 } });
  t.match(await ask('/request_api', someAppKey, 'application/json'), {
    start: /400/,
    interim: [/100/],
  });
  t.match(await ask('/request_api'), { start: /415/, interim: { length: 0 } });
  t.match(await ask('/nowhere'), { start: /404/, interim: { length: 0 } });
});

t.test('a header of the proxy bounds the time to the head, and is not sent', async (t) => {
  const { upstream, send } = await setUp(t);
  const limited = (ms: string) =>
    send('/forward/c/t/v1', { headers: [...bearer, 'X-SecureProxy-Timeout-Ms', ms] });
  t.equal((await limited('60000')).status, 200);
  t.notMatch(upstream.only().head, /secureproxy-timeout/i);
  for (const ms of ['0', '-1', '1.5', 'soon', '3600001'])
    t.match((await limited(ms)).problem, { reason: 'timeout_header' });
  upstream.script(() => undefined);
  t.match((await limited('50')).problem, { code: 'upstream_timeout', reason: 'total_timeout' });
});

t.test('the time to the head does not bound what follows it', async (t) => {
  const upstream = await startWireUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [`http://localhost:${upstream.port}`] }),
  });
  upstream.next(async (socket, whole) => {
    await whole;
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na');
    setTimeout(() => socket.write('b'), 1500);
  });
  const got = await proxy.send('/forward/c/t/v1', {
    headers: [...bearer, 'X-SecureProxy-Timeout-Ms', '1000'],
  });
  t.match([got.text, got.whole], ['ab', true]);
});

t.test('WebSockets, loops and pages of other sites are refused', async (t) => {
  const { upstream, send } = await setUp(t);
  const refused = async (...headers: string[]) =>
    (await send('/forward/c/t/v1', { headers: [...bearer, ...headers] })).problem;
  t.match(await refused('upgrade', 'websocket'), { reason: 'upgrade' });
  t.match(await refused('via', '1.1 secureproxy'), { reason: 'loop' });
  t.match(await refused('origin', 'https://evil.example'), { reason: 'cross_site' });
  t.equal(upstream.requests.length, 0);
});

t.test('the caller of a call in an envelope may name a path alone', async (t) => {
  const { upstream, other, proxy } = await setUp(t);
  const required = { ClientId: 'c', TokenType: 't' };
  await proxy.call({ ...required, ApiUri: '/v1?x' }, { headers: bearer });
  t.equal(upstream.only().target, '/v1?x');
  await proxy.call({ ...required, ApiUri: `~localhost:${other.port}/v1` }, { headers: bearer });
  t.equal(other.only().target, '/v1');
  const relative = await proxy.call(
    { ...required, ApiUri: `//localhost:${other.port}/v1` },
    { headers: bearer },
  );
  t.match(relative.problem, { code: 'destination_denied', reason: 'url_unparsable' });
  t.equal(upstream.requests.length + other.requests.length, 2);
});
