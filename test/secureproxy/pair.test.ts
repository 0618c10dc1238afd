import t, { type Test } from 'tap';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { startKeyserver, type TestKeyserverOptions } from '../support/keyserver.ts';
import { loopback, startProxy, type TestProxyOptions } from '../support/proxy.ts';
import { startUpstream } from '../support/upstream.ts';

interface PairOptions extends Partial<TestProxyOptions> {
  readonly keyserverOptions?: TestKeyserverOptions;
  readonly policy?: Partial<Policy>;
}

async function setUp(t: Test, { keyserverOptions, policy, ...options }: PairOptions = {}) {
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t, keyserverOptions);
  await keyserver.putType('test', {
    destinations: [upstream.url],
    unsafePlaintext: true,
    unsafeAllowPrivate: loopback,
    ...policy,
  });
  await keyserver.putToken('acme', 'test', 'fixture-token');
  const appKey = await keyserver.putApp('orders');
  const proxyKey = await keyserver.putProxy('edge');
  const proxy = await startProxy(t, {
    keyserverUrl: keyserver.url,
    proxyKey,
    ...options,
  });
  const required = { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/v1` };
  const as = (key: string | null, more: object = {}) =>
    proxy.call(
      { ...required, ...more },
      { headers: key === null ? [] : ['authorization', `Bearer ${key}`] },
    );
  let tokenReads = 0;
  const { store } = keyserver;
  const findTokens = store.findTokens.bind(store);
  store.findTokens = (clientId, tokenType) => {
    tokenReads += 1;
    return findTokens(clientId, tokenType);
  };
  return {
    upstream,
    keyserver,
    proxy,
    appKey,
    required,
    as,
    tokenReads: () => tokenReads,
    releases: () => keyserver.log().filter((line) => line['url.template'] === '/'),
  };
}

t.test('calls a marketplace with a token that the caller never sees', async (t) => {
  const { upstream, proxy, keyserver, as, appKey } = await setUp(t);
  const answer = await as(appKey, { Body: { q: 1 } });
  t.match(answer, { status: 200, text: 'ok' });
  const request = upstream.only();
  t.strictSame(request.all('authorization'), ['Bearer fixture-token']);
  t.equal(request.body.toString(), '{"q":1}');
  for (const text of [proxy.logText(), keyserver.logText(), JSON.stringify(answer.rawHeaders)]) {
    t.notOk(text.includes('fixture-token'));
    t.notOk(text.includes(appKey));
  }
});

t.test('one RSA exchange serves many calls; a warm entry serves without KeyServer', async (t) => {
  const { as, appKey, releases } = await setUp(t, { settings: { TOKEN_CACHE_SECONDS: '0' } });
  for (let i = 0; i < 5; i++) t.equal((await as(appKey)).status, 200);
  t.strictSame(
    releases().map(({ release }) => release),
    Array(5).fill('ticket'),
    'the question who calls opened the session',
  );
  const warm = await setUp(t);
  for (let i = 0; i < 5; i++) t.equal((await warm.as(warm.appKey)).status, 200);
  t.equal(warm.releases().length, 1);
});

t.test('many first calls at once are one RSA exchange', async (t) => {
  const { as, keyserver, appKey, releases } = await setUp(t, {
    settings: { TOKEN_CACHE_SECONDS: '0' },
  });
  const clients = Array.from({ length: 30 }, (_, i) => `client-${i}`);
  for (const client of clients) await keyserver.putToken(client, 'test', 'fixture-token');
  const answers = await Promise.all(clients.map((ClientId) => as(appKey, { ClientId })));
  t.ok(answers.every(({ status }) => status === 200));
  t.equal(releases().filter(({ release }) => release === 'rsa').length, 0);
  const asked = keyserver.log().filter((line) => line['url.template'] === '/whoami');
  t.equal(asked.length, 1, 'all of them wait for one question who calls');
  t.equal(releases().length, 30);
});

t.test('tells apart who asks', async (t) => {
  const { as, keyserver, upstream, appKey } = await setUp(t);
  const none = await keyserver.putApp('none', { grants: [] });
  t.equal((await as(appKey)).status, 200);
  t.match(await as(makeCallerKey('spk_')), {
    status: 401,
    problem: { code: 'caller_unauthenticated' },
  });
  t.match(await as(none), { status: 403, problem: { code: 'grant_denied', reason: 'no_grant' } });
  t.match(await as(null), { status: 401, problem: { code: 'caller_unauthenticated' } });
  t.strictSame((await as(null)).all('www-authenticate'), ['Bearer']);
  t.equal(upstream.requests.length, 1);
});

t.test('a call without a grant is told its own client and type, and the log is not', async (t) => {
  const { proxy, keyserver } = await setUp(t);
  const key = await keyserver.putApp('one', { grants: [{ client: 'acme', type: 'test' }] });
  const headers = ['x-key', key];
  const long = 'é'.repeat(255);
  const answers = await Promise.all(
    [
      ['test', 'acme'],
      ['acme', 'v1'],
      ['a"b\\', 'test'],
      [long, long],
    ].map(async ([client = '', type = '']) => {
      const path = `/forward/${encodeURIComponent(client)}/${encodeURIComponent(type)}/orders`;
      const { status, problem } = await proxy.send(path, { headers });
      const names = `client ${JSON.stringify(client)} and token type ${JSON.stringify(type)}`;
      return [status, problem.reason, problem.detail === `The app has no grant for ${names}.`];
    }),
  );
  t.strictSame(answers, Array(4).fill([403, 'no_grant', true]));
  t.notMatch(proxy.logText() + keyserver.logText(), 'has no grant');
});

t.test('anonymous is an app like others where it exists, and never a wrong key', async (t) => {
  const { as, keyserver } = await setUp(t);
  await keyserver.putApp('anonymous', { key: null, grants: [{ client: 'acme', type: 'test' }] });
  t.equal((await as(null)).status, 200);
  t.match(await as(null, { ClientId: 'other' }), {
    status: 403,
    problem: { code: 'grant_denied' },
  });
  t.equal((await as(makeCallerKey('spk_'))).status, 401);
});

t.test('a refusal falls before the token is read', async (t) => {
  const { as, keyserver, upstream, tokenReads } = await setUp(t);
  const limited = await keyserver.putApp('limited', {
    grants: [{ client: 'acme', type: 'test', methods: ['GET'], paths: ['/v1/*'] }],
  });
  for (const [more, code] of [
    [{ Method: 'GET', ApiUri: 'http://evil.example/v1/x' }, 'destination_denied'],
    [{ Method: 'GET', ApiUri: `https://localhost:${upstream.port}/v1/x` }, 'destination_denied'],
    [{ Method: 'GET', ApiUri: `http://x@localhost:${upstream.port}/v1/x` }, 'destination_denied'],
    [{ Method: 'GET', ApiUri: `${upstream.url}/v2` }, 'grant_denied'],
    [{ Method: 'POST', ApiUri: `${upstream.url}/v1/x` }, 'grant_denied'],
    [{ Method: 'GET', ClientId: 'other' }, 'grant_denied'],
    [{ Method: 'GET', TokenType: 'other' }, 'grant_denied'],
  ] as const) {
    t.match(await as(limited, more), { status: 403, problem: { code } }, JSON.stringify(more));
  }
  t.equal(tokenReads(), 0);
  t.equal(upstream.connections(), 0);
});

t.test('a warm entry is of no use to another app, nor for another path', async (t) => {
  const { as, keyserver, upstream, appKey } = await setUp(t);
  const none = await keyserver.putApp('none', { grants: [] });
  const limited = await keyserver.putApp('limited', {
    grants: [{ client: 'acme', type: 'test', paths: ['/v1'] }],
  });
  t.equal((await as(appKey)).status, 200);
  t.equal((await as(limited)).status, 200);
  t.match(await as(none), { status: 403, problem: { code: 'grant_denied' } });
  const ApiUri = `${upstream.url}/v2`;
  t.match(await as(limited, { ApiUri }), {
    status: 403,
    problem: { code: 'grant_denied', reason: 'path' },
  });
  t.equal((await as(appKey, { ApiUri })).status, 200);
});

t.test('many at once with different rights are each judged by their own target', async (t) => {
  const { as, keyserver, upstream } = await setUp(t);
  const limited = await keyserver.putApp('limited', {
    grants: [{ client: 'acme', type: 'test', paths: ['/v1'] }],
  });
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      as(limited, { ApiUri: `${upstream.url}/v${i % 2 === 0 ? 2 : 1}` }),
    ),
  );
  t.strictSame(
    answers.map(({ status }) => status),
    answers.map((_, i) => (i % 2 === 0 ? 403 : 200)),
  );
  t.equal(upstream.requests.length, 10);
});

t.test(
  'what KeyServer does not have is a failed dependency, not the 404 of a marketplace',
  async (t) => {
    const { as, keyserver, appKey } = await setUp(t);
    await keyserver.putToken('late', 'test', 'fixture-token', '2020-01-01T00:00:00.000Z');
    for (const [more, code] of [
      [{ ClientId: 'nobody' }, 'token_not_found'],
      [{ TokenType: 'nothing' }, 'type_not_found'],
      [{ ClientId: 'late' }, 'token_expired'],
    ] as const) {
      const answer = await as(appKey, more);
      t.match(answer, { status: 424, problem: { code, status: 424 } });
      t.strictSame(answer.all('proxy-status'), ['secureproxy; error=proxy_configuration_error']);
    }
  },
);

t.test('a proxy that KeyServer does not know tells its operator', async (t) => {
  const { as, proxy, appKey, upstream } = await setUp(t, { proxyKey: makeCallerKey('spx_') });
  const answer = await as(appKey);
  t.match(answer, {
    status: 503,
    problem: { code: 'keyserver_unavailable', reason: 'proxy_unknown' },
  });
  t.strictSame(answer.all('retry-after'), ['1']);
  t.strictSame(answer.all('proxy-status'), ['secureproxy; error=proxy_internal_response']);
  const told = proxy.log().filter(({ level }) => level === 'error');
  t.match(told, [{ 'error.reason': 'proxy_unknown', msg: /PROXY_KEY/ }]);
  t.equal(upstream.connections(), 0);
});

t.test('clock skew is logged for the operator', async (t) => {
  const ahead = { now: () => Date.now() + 120_000, monotonic: () => performance.now() };
  const { as, proxy, appKey } = await setUp(t, { clock: ahead });
  t.match(await as(appKey), {
    status: 503,
    problem: { code: 'keyserver_unavailable', reason: 'clock_skew' },
  });
  t.match(
    proxy.log().filter(({ level }) => level === 'error'),
    [{ 'error.reason': 'clock_skew', msg: /clocks/ }],
  );
});

t.test('request id and trace join the lines of a call in both logs', async (t) => {
  const { as, proxy, appKey, releases, required } = await setUp(t);
  await as(appKey);
  const line = await proxy.requestLine();
  const [released] = releases();
  t.match(released, {
    request_id: line.request_id,
    trace_id: line.trace_id,
    parent_span_id: line.span_id,
    app: 'orders',
    client: required.ClientId,
  });
  t.not(released?.span_id, line.span_id);
  t.notOk('parent_span_id' in line, 'the trace began at the proxy');
});

t.test('an ApiUri of any characters is taken up to 65,536 bytes, and refused beyond', async (t) => {
  const { as, appKey, upstream } = await setUp(t);
  const urlOf = (bytes: number, character: string) => {
    const start = `${upstream.url}/v1?`;
    const size = Buffer.byteLength(JSON.stringify(character)) - '""'.length;
    return start + character.repeat(Math.floor((bytes - start.length) / size));
  };
  const longest = 65_536;
  for (const character of ['x', 'ё', '😀', '"']) {
    const taken = await as(appKey, { ApiUri: urlOf(longest, character) });
    // The upstream of this test takes long request lines, which the proxy has percent-encoded.
    t.equal(taken.status, 200, character);
    const refused = await as(appKey, { ApiUri: `${urlOf(longest, character)}${character}` });
    t.match(refused, { status: 400, problem: { code: 'request_invalid' } }, character);
  }
  t.match(await as(appKey, { ApiUri: 'ё'.repeat(longest) }), {
    status: 400,
    problem: { code: 'request_invalid', reason: 'api_uri_long' },
  });
});
