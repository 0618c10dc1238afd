import t, { type Test } from 'tap';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import type { Injection } from '../../../shared/policy/injection/schema.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { plainPolicy } from '../../support/pair-state.ts';
import { loopback, resolvesTo, startProxy, type TestProxyOptions } from '../../support/proxy.ts';
import { startUpstream } from '../../support/upstream.ts';

const secretText = 'fixture-token-that-is-secret';
/** The text around the token, which only the proxy has. */
const injection: Injection = {
  scheme: 'headers',
  headers: { 'X-Seller': 'prefix-known-to-the-proxy {token}' },
};

interface SetUpOptions extends Partial<TestProxyOptions> {
  readonly policy?: Partial<Policy>;
}

async function setUp(t: Test, { policy, ...options }: SetUpOptions = {}) {
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  await keyserver.putType('test', {
    destinations: [upstream.url],
    unsafePlaintext: true,
    unsafeAllowPrivate: loopback,
    injection,
    ...policy,
  });
  await keyserver.putToken('acme', 'test', secretText);
  const appKey = await keyserver.putApp('orders');
  const proxyKey = await keyserver.putProxy('edge');
  const proxy = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey, ...options });
  const required = { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/v1` };
  const post = async (path: string, members: object = {}, key: string | null = appKey) => {
    const answer = await proxy.send(path, {
      method: 'POST',
      headers: [
        ...['content-type', 'application/json'],
        ...(key === null ? [] : ['authorization', `Bearer ${key}`]),
      ],
      body: JSON.stringify({ ...required, ...members }),
    });
    return { ...answer, json: JSON.parse(answer.text.startsWith('{') ? answer.text : '{}') };
  };
  return { upstream, keyserver, proxy, appKey, proxyKey, required, post };
}

t.test('says step by step what would be sent, and sends nothing', async (t) => {
  const { upstream, keyserver, proxy, appKey, proxyKey, required, post } = await setUp(t);
  const members = {
    Method: 'PUT',
    Headers: {
      'X-Own': 'caller-value',
      x_seller: 'a',
      Cookie: 'b',
      Connection: 'x-hop',
      'X-Hop': 'c',
    },
    Body: { q: 'caller-body' },
  };
  const answer = await post('/explain', members);
  t.equal(answer.status, 200);
  t.strictSame(answer.all('cache-control'), ['no-store']);
  t.strictSame(answer.json, {
    allowed: true,
    steps: [
      { step: 'authenticate', ok: true, app: 'orders' },
      { step: 'url', ok: true, url: required.ApiUri },
      { step: 'grant', ok: true, grant: { id: 'YPLbQ-15', client: '*', type: '*' } },
      { step: 'type', ok: true },
      { step: 'destination', ok: true, destination: upstream.url },
      { step: 'token', ok: true, expiresIn: null },
      { step: 'injection', ok: true, headers: ['X-Seller'], query: [] },
      {
        step: 'request',
        ok: true,
        dropped: [
          { name: 'x_seller', why: 'injected' },
          { name: 'Cookie', why: 'not_sent' },
          { name: 'Connection', why: 'not_sent' },
          { name: 'X-Hop', why: 'connection' },
        ],
      },
      { step: 'address', ok: true },
    ],
    request: {
      method: 'PUT',
      url: required.ApiUri,
      headers: ['user-agent', 'content-type', 'X-Own', 'via', 'X-Seller'],
    },
  });
  t.equal(upstream.connections(), 0, 'nothing arrives');
  const everything = [
    answer.text,
    JSON.stringify(answer.rawHeaders),
    proxy.logText(),
    keyserver.logText(),
  ];
  for (const secret of [secretText, 'fixture', appKey, proxyKey, 'prefix-known', 'caller-']) {
    for (const text of everything) t.notOk(text.includes(secret), secret);
  }
  t.match(await proxy.requestLine(), {
    'url.template': '/explain',
    explain: 'ticket',
    app: 'orders',
    client: 'acme',
    token_type: 'test',
    'http.response.status_code': 200,
  });

  // The call itself, to compare.
  t.equal((await post('/request_api', members)).status, 200);
  const names = upstream.only().headers.map(([name]) => name.toLowerCase());
  const told = answer.json.request.headers.map((name: string) => name.toLowerCase());
  t.same(
    names.filter((name) => !['host', 'connection', 'content-length'].includes(name)).sort(),
    told.sort(),
  );
});

t.test('a call that is refused is explained by its own code and reason', async (t) => {
  const query: Injection = { scheme: 'query', query: { key: '{token}' } };
  const { upstream, keyserver, required, post } = await setUp(t, { policy: { injection: query } });
  const getOnly = await keyserver.putApp('get-only', {
    grants: [{ client: '*', type: '*', methods: ['GET'], paths: ['/v1/*'] }],
  });
  await keyserver.putToken('unfilled', 'test', { other: secretText });
  const cases: [object, string?][] = [
    [{ ApiUri: 'https://evil.example/' }],
    [{ ApiUri: `${required.ApiUri}#x` }],
    [{ ApiUri: `${required.ApiUri}?KEY=1` }],
    [{ Headers: { 'X-A': 'a\nb' } }],
    [{ TokenType: 'none' }],
    [{ ClientId: 'none' }],
    [{ ClientId: 'unfilled' }],
    [{}, getOnly],
    [{ Method: 'GET' }, getOnly],
  ];
  const seen = new Set<string>();
  for (const [members, key] of cases) {
    const { status, json, text } = await post('/explain', members, key);
    const { json: problem } = await post('/request_api', members, key);
    t.match({ status, ...json }, { status: 200, allowed: false }, text);
    t.ok(problem.code, text);
    for (const told of [json, json.steps.at(-1)]) {
      t.same([told.code, told.reason, told.detail], [problem.code, problem.reason, problem.detail]);
    }
    t.notOk(text.includes('fixture'));
    seen.add(json.steps.at(-1).step);
  }
  t.same([...seen].sort(), [
    'destination',
    'grant',
    'injection',
    'request',
    'token',
    'type',
    'url',
  ]);
  t.equal(upstream.connections(), 0);
});

t.test('the addresses of the host are judged as for a call', async (t) => {
  for (const [addresses, policy, expected] of [
    [['127.0.0.1'], {}, {}],
    [['8.8.8.8', '10.0.0.1'], {}, { code: 'destination_denied', reason: 'address_private' }],
    [
      ['169.254.169.254'],
      { unsafeAllowPrivate: ['169.254.0.0/16'] },
      { reason: 'address_metadata' },
    ],
    [[], {}, { code: 'upstream_unreachable', reason: 'dns' }],
  ] as [string[], Partial<Policy>, Record<string, string>][]) {
    const { upstream, post } = await setUp(t, { policy, lookup: resolvesTo(...addresses) });
    const { json } = await post('/explain');
    const ok = Object.keys(expected).length === 0;
    t.match(json, { allowed: ok, ...expected, steps: Array(9).fill({}) });
    t.match(json.steps.at(-1), { step: 'address', ok, ...expected });
    for (const address of addresses) t.notOk(JSON.stringify(json).includes(address), address);
    t.equal(upstream.connections(), 0);
    if (!ok) t.match((await post('/request_api')).json, expected, 'the call says the same');
  }
});

t.test('IP literals and the own listener are judged, too', async (t) => {
  const { keyserver, proxy, post } = await setUp(t);
  for (const [origin, reason] of [
    ['http://10.1.2.3', 'address_private'],
    ['http://[::ffff:10.1.2.3]', 'address_embedded_ipv4'],
    [`http://127.0.0.1:${proxy.port}`, 'address_own_listener'],
  ] as const) {
    const { origin: destination } = new URL(origin);
    await keyserver.putType('literal', plainPolicy(destination));
    await keyserver.putToken('acme', 'literal', secretText);
    const { json } = await post('/explain', { TokenType: 'literal', ApiUri: `${destination}/` });
    t.match(json, { allowed: false, code: 'destination_denied', reason }, origin);
  }
});

t.test('without a grant the answer is that of /request_api, whatever exists', async (t) => {
  const { keyserver, proxy, post, required } = await setUp(t);
  await keyserver.putType('known-type');
  const none = await keyserver.putApp('none', { grants: [{ client: 'other', type: '*' }] });
  for (const more of [
    {},
    { ApiUri: 'https://evil.example/' },
    { ApiUri: 'https://EVIL.example/' },
  ]) {
    const answers = [];
    for (const names of [
      {},
      { ClientId: 'nobody' },
      { TokenType: 'known-type' },
      { TokenType: 'nothing' },
    ]) {
      for (const path of ['/explain', '/request_api']) {
        const { status, text, rawHeaders, json } = await post(path, { ...names, ...more }, none);
        const { ClientId, TokenType } = { ...required, ...names };
        const varying = ['date', 'x-request-id', 'content-length'];
        answers.push({
          status,
          text: text.replace(json.requestId, '').replace(ClientId, '').replace(TokenType, ''),
          headers: rawHeaders.filter(([name]) => !varying.includes(name.toLowerCase())),
        });
      }
    }
    t.equal(answers[0]?.status, 403);
    t.same(answers, Array(answers.length).fill(answers[0]));
  }
  t.match(await proxy.requestLine(), { 'http.response.status_code': 403 });
});

t.test('unknown callers and malformed calls are rejected as by /request_api', async (t) => {
  const { post, appKey } = await setUp(t);
  const cases: [object, string | null, number][] = [
    [{}, null, 401],
    [{}, makeCallerKey('spk_'), 401],
    [{}, 'spk_mistyped', 401],
    [{ Unknown: 1 }, makeCallerKey('spk_'), 401],
    [{ Method: 'TRACE' }, appKey, 400],
    [{ Unknown: 1 }, appKey, 400],
    [{ BodyBase64: '?' }, appKey, 400],
    [{ Headers: { A: makeCallerKey('spk_') } }, appKey, 400],
  ];
  for (const [members, key, status] of cases) {
    const [{ json: explained, ...answer }, { json: called }] = [
      await post('/explain', members, key),
      await post('/request_api', members, key),
    ];
    t.equal(answer.status, status, answer.text);
    t.same({ ...explained, requestId: '' }, { ...called, requestId: '' });
  }
});

t.test('an explanation is neither cached nor served from the cache', async (t) => {
  const { keyserver, upstream, appKey, post } = await setUp(t);
  const releases = () => keyserver.log().filter((line) => line['url.template'] === '/');
  t.equal((await post('/explain')).json.allowed, true);
  t.equal((await post('/explain')).json.allowed, true);
  t.equal(releases().length, 2);
  t.equal((await post('/request_api')).status, 200);
  t.equal(releases().length, 3, 'the call asked for its own release');
  t.match(releases(), [{ explain: 'ticket' }, { explain: 'ticket' }, { release: 'ticket' }]);
  t.strictSame(upstream.only().all('x-seller'), [`prefix-known-to-the-proxy ${secretText}`]);
  await keyserver.putApp('orders', { key: appKey, grants: [] });
  t.equal((await post('/explain')).status, 403, 'beside a warm release');
});

t.test('KeyServer away is 503', async (t) => {
  const { keyserver, post } = await setUp(t, { settings: { KEYSERVER_TIMEOUT_MS: '100' } });
  await keyserver.close();
  t.match((await post('/explain')).json, { status: 503, code: 'keyserver_unavailable' });
});

t.test('shows the room of each limit, and takes nothing of it', async (t) => {
  const limits = ['10/h burst 3', '4 at once', '5/h burst 5 /v2/*'];
  const { post, upstream } = await setUp(t, { policy: { limits } });
  const room = async () => {
    const { json } = await post('/explain');
    return json.steps.find(({ step }: { step: string }) => step === 'limits');
  };
  const rooms = (used: number) => ({
    step: 'limits',
    ok: true,
    limits: [
      { limit: '10/h burst 3', used, calls: 3 - used, waitMs: 0, closedMs: 0 },
      { limit: '4 at once', used: 0, calls: 4, waitMs: 0, closedMs: 0 },
    ],
  });
  t.strictSame(await room(), rooms(0));
  t.strictSame(await room(), rooms(0));
  t.equal((await post('/request_api')).status, 200);
  t.strictSame(await room(), rooms(1));
  t.equal(upstream.requests.length, 1);
  for (let call = 0; call < 2; call++) await post('/request_api');
  const [full] = (await room()).limits;
  t.match(full, { used: 3, calls: 0, closedMs: 0 });
  t.ok(full.waitMs > 300_000 && full.waitMs <= 360_000, `${full.waitMs} until one may start`);
});
