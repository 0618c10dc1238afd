import t, { type Test } from 'tap';
import type { Lookup } from '../../../secureproxy/guard/lookup.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import type { Release } from '../../../shared/protocol/messages.ts';
import { freePort } from '../../support/free-port.ts';
import { releaseOf, resolvesTo, startProxy, type TestProxyOptions } from '../../support/proxy.ts';
import { startUpstream } from '../../support/upstream.ts';

async function setUp(
  t: Test,
  policy: Partial<Policy> & Pick<Policy, 'destinations'>,
  options: Partial<TestProxyOptions> & { release?: Partial<Release> } = {},
) {
  const { release, ...more } = options;
  const proxy = await startProxy(t, { obtain: async () => releaseOf(policy, release), ...more });
  const call = (ApiUri: string, body: object = {}) =>
    proxy.call({ ClientId: 'acme', TokenType: 'test', ApiUri, ...body });
  return { proxy, call };
}

/** Counts what is looked up. */
function counted(lookup: Lookup) {
  const names: string[] = [];
  const counting: Lookup = (name) => {
    names.push(name);
    return lookup(name);
  };
  return { names, counting };
}

t.test('goes to listed destinations only, and looks up no other', async (t) => {
  const upstream = await startUpstream(t);
  const { names, counting } = counted(resolvesTo('127.0.0.1'));
  const port = upstream.port;
  const { call } = await setUp(
    t,
    { destinations: [`http://api.example:${port}/v1`, `http://*.shop.example:${port}`] },
    { lookup: counting },
  );
  for (const [url, status] of [
    [`http://api.example:${port}/v1`, 200],
    [`http://api.example:${port}/v1/orders?q=1`, 200],
    [`http://a.shop.example:${port}/any`, 200],
    [`http://api.example:${port}/v10`, 403],
    [`http://api.example:${port}/v1/../v2`, 403],
    [`http://api.example:${port}/v1/%2e%2e/v2`, 403],
    [`http://api.example:${port}/v1%2f..%2fv2`, 403],
    [`http://api.example:${port}/v1/..;/x`, 403],
    [`http://shop.example:${port}/`, 403],
    [`http://a.b.shop.example:${port}/`, 403],
    [`http://api.example.evil.example:${port}/v1`, 403],
    [`http://evilapi.example:${port}/v1`, 403],
    [`http://api.example@evil.example:${port}/v1`, 403],
    [`http://evil.example\\@api.example:${port}/v1`, 403],
    [`http://api.example:${port + 1}/v1`, 403],
    ['http://api.example/v1', 403],
    [`https://api.example:${port}/v1`, 403],
    [`HTTP://api.example:${port}/v1`, 403],
    [`http://API.example:${port}/v1`, 403],
    [`http://api.example.:${port}/v1`, 403],
    [`http://api.example:${port}/v1#x`, 403],
    [`http://api.example:${port}/v1\n`, 403],
    [`http://127.0.0.1:${port}/v1`, 403],
    ['file:///etc/passwd', 403],
    ['/v1', 200],
    ['/v2', 403],
    ['//evil.example/v1', 403],
    ['~evil.example/v1', 403],
    [`~a.shop.example:${port}/any`, 403],
  ] as const) {
    const answer = await call(url);
    t.equal(answer.status, status, url);
    if (status === 403) t.equal(answer.problem.code, 'destination_denied', url);
  }
  t.strictSame([...new Set(names)], ['api.example', 'a.shop.example']);
  t.equal(upstream.requests.length, 4);
});

t.test(
  'the line of a call names the wildcard that allowed it, and no other destination',
  async (t) => {
    const { port } = await startUpstream(t);
    const { proxy, call } = await setUp(t, {
      destinations: [`http://api.example:${port}`, `http://*.shop.example:${port}/v1`],
    });
    await call(`http://a.shop.example:${port}/v1/x`);
    await call(`http://api.example:${port}/`);
    t.match(await proxy.requestLine(0), {
      'server.address': 'a.shop.example',
      wildcard: '*.shop.example',
    });
    t.notOk('wildcard' in (await proxy.requestLine(1)));
  },
);

t.test('sends the very string that was judged', async (t) => {
  const upstream = await startUpstream(t);
  const { call } = await setUp(t, { destinations: [upstream.url] });
  await call(`${upstream.url}/поиск?q=чай с мёдом&x="<>`);
  await call(`${upstream.url}/a%2Fb;c//d?`);
  await call(upstream.url);
  t.strictSame(
    upstream.requests.map(({ target }) => target),
    [
      '/%D0%BF%D0%BE%D0%B8%D1%81%D0%BA?q=%D1%87%D0%B0%D0%B9%20%D1%81%20%D0%BC%D1%91%D0%B4%D0%BE%D0%BC&x=%22%3C%3E',
      '/a%2Fb;c//d?',
      '/',
    ],
  );
});

t.test('goes nowhere by plain http unless the type says so', async (t) => {
  const upstream = await startUpstream(t);
  const { call } = await setUp(t, { destinations: [upstream.url], unsafePlaintext: false });
  t.match(await call(upstream.url), {
    status: 403,
    problem: { code: 'destination_denied', reason: 'plaintext' },
  });
  t.equal(upstream.connections(), 0);
});

t.test('goes nowhere without destinations', async (t) => {
  const upstream = await startUpstream(t);
  const { call } = await setUp(t, { destinations: [] });
  t.match(await call(upstream.url), { status: 403, problem: { reason: 'not_listed' } });
});

for (const [what, addresses, verdict] of [
  ['loopback', ['127.0.0.1'], 'loopback'],
  ['IPv6 loopback', ['::1'], 'loopback'],
  ['a private address', ['10.1.2.3'], 'private'],
  ['a metadata service', ['169.254.169.254'], 'metadata'],
  ['a mapped address', ['::ffff:127.0.0.1'], 'embedded_ipv4'],
  ['a bad address behind a good one', ['93.184.215.14', '192.168.0.1'], 'private'],
  ['a bad address before a good one', ['192.168.0.1', '93.184.215.14'], 'private'],
  ['something that is no address', ['evil.example'], 'not_an_address'],
] as const) {
  t.test(`refuses a name that resolves to ${what}`, async (t) => {
    const { call } = await setUp(
      t,
      { destinations: ['http://shop.example'], unsafeAllowPrivate: [] },
      { lookup: resolvesTo(...addresses) },
    );
    const answer = await call('http://shop.example/');
    t.match(answer, {
      status: 403,
      problem: { code: 'destination_denied', reason: `address_${verdict}` },
    });
    t.strictSame(answer.all('proxy-status'), ['secureproxy; error=destination_ip_prohibited']);
    t.notMatch(answer.text, addresses[0]);
  });
}

t.test('refuses literal addresses alike, which no resolver sees', async (t) => {
  const { port, connections } = await startUpstream(t);
  const { names, counting } = counted(resolvesTo('93.184.215.14'));
  const hosts = {
    '127.0.0.1': 'loopback',
    '[::1]': 'loopback',
    '0.0.0.0': 'unspecified',
    '[::]': 'unspecified',
    '10.0.0.1': 'private',
    '[::ffff:7f00:1]': 'embedded_ipv4',
    '[64:ff9b::7f00:1]': 'embedded_ipv4',
    '169.254.169.254': 'metadata',
  };
  const { call } = await setUp(
    t,
    { destinations: Object.keys(hosts).map((h) => `http://${h}:${port}`), unsafeAllowPrivate: [] },
    { lookup: counting },
  );
  for (const [host, verdict] of Object.entries(hosts)) {
    t.match(
      await call(`http://${host}:${port}/`),
      { status: 403, problem: { code: 'destination_denied', reason: `address_${verdict}` } },
      host,
    );
  }
  t.strictSame(names, []);
  t.equal(connections(), 0);
});

t.test('never goes to metadata services, whatever the type allows', async (t) => {
  const { call } = await setUp(
    t,
    {
      destinations: ['http://169.254.169.254', 'http://[fd00:ec2::254]', 'http://meta.example'],
      unsafeAllowPrivate: ['0.0.0.0/0', '::/0', '169.254.169.254/32'],
    },
    { lookup: resolvesTo('169.254.169.254') },
  );
  for (const host of ['169.254.169.254', '[fd00:ec2::254]', 'meta.example']) {
    t.match(await call(`http://${host}/`), {
      status: 403,
      problem: { reason: 'address_metadata' },
    });
  }
});

t.test('goes to a private address that the type allows, by name and literally', async (t) => {
  const upstream = await startUpstream(t);
  const literal = `http://127.0.0.1:${upstream.port}`;
  const { call } = await setUp(t, {
    destinations: [upstream.url, literal],
    unsafeAllowPrivate: ['127.0.0.1/32'],
  });
  t.equal((await call(upstream.url)).status, 200);
  t.equal((await call(literal)).status, 200);
});

t.test('judges a name again for every new connection', async (t) => {
  const upstream = await startUpstream(t);
  // Each connection serves one request.
  upstream.script(
    (socket) =>
      void socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'),
  );
  let address = '127.0.0.1';
  const { call } = await setUp(
    t,
    { destinations: [upstream.url], unsafeAllowPrivate: ['127.0.0.1/32'] },
    { lookup: async () => [address] },
  );
  t.equal((await call(upstream.url)).status, 200);
  address = '127.0.0.2';
  t.match(await call(upstream.url), { status: 403, problem: { reason: 'address_loopback' } });
  address = '127.0.0.1';
  t.equal((await call(upstream.url)).status, 200);
});

t.test('a resolver that answers twice is dialled as it was judged', async (t) => {
  const upstream = await startUpstream(t);
  let asked = 0;
  const { call } = await setUp(
    t,
    { destinations: [upstream.url], unsafeAllowPrivate: ['127.0.0.1/32'] },
    {
      lookup: async () => {
        asked += 1;
        return [asked === 1 ? '127.0.0.1' : '127.0.0.3'];
      },
    },
  );
  t.equal((await call(upstream.url)).status, 200);
  t.equal(asked, 1);
});

t.test('a type shares no connection with one that allows other addresses', async (t) => {
  const upstream = await startUpstream(t);
  let unsafeAllowPrivate: string[] = ['127.0.0.0/8'];
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url], unsafeAllowPrivate }),
    settings: { TOKEN_CACHE_SECONDS: '0' },
  });
  const call = (TokenType: string) =>
    proxy.call({ ClientId: 'acme', TokenType, ApiUri: `${upstream.url}/` });
  t.equal((await call('private')).status, 200);
  unsafeAllowPrivate = [];
  t.match(await call('public'), { status: 403, problem: { reason: 'address_loopback' } });
  // Nor does the same type after its policy has changed.
  t.match(await call('private'), { status: 403, problem: { reason: 'address_loopback' } });
  unsafeAllowPrivate = ['127.0.0.0/8'];
  t.equal((await call('private')).status, 200);
  t.equal(upstream.connections(), 1);
});

t.test(
  'a connection that is kept open serves nothing that the policy allows no more',
  async (t) => {
    const upstream = await startUpstream(t);
    const listed = { destinations: [upstream.url] };
    let policy: Partial<Policy> & Pick<Policy, 'destinations'> = listed;
    const proxy = await startProxy(t, {
      obtain: async () => releaseOf(policy),
      settings: { TOKEN_CACHE_SECONDS: '0' },
    });
    const call = () => proxy.call({ ClientId: 'acme', TokenType: 'test', ApiUri: upstream.url });
    t.equal((await call()).status, 200);
    for (const [changed, reason] of [
      [{ destinations: [] }, 'not_listed'],
      [{ destinations: [`${upstream.url}/v1`] }, 'not_listed'],
      [{ ...listed, unsafePlaintext: false }, 'plaintext'],
      [{ ...listed, unsafeAllowPrivate: ['127.0.0.2/32'] }, 'address_loopback'],
    ] as const) {
      policy = { ...changed, destinations: [...changed.destinations] } as typeof policy;
      t.match(await call(), { status: 403, problem: { code: 'destination_denied', reason } });
    }
    policy = listed;
    t.equal((await call()).status, 200);
    t.strictSame([upstream.requests.length, upstream.connections()], [2, 1]);
  },
);

t.test("never calls the pair's own listeners", async (t) => {
  const [publicKey, releases] = [await startUpstream(t), await startUpstream(t)];
  const opsPort = await freePort();
  const proxy = await startProxy(t, {
    keyserverUrl: `http://127.0.0.1:${publicKey.port}`,
    obtain: async ({ target }) =>
      releaseOf({
        destinations: [new URL(target === 'probe' ? '' : target.url).origin],
        unsafeAllowPrivate: ['127.0.0.0/8', '0.0.0.0/8'],
      }),
    settings: {
      TOKEN_CACHE_SECONDS: '0',
      OPS_PORT: String(opsPort),
      TOKEN_REQUEST_URL: `http://127.0.0.1:${releases.port}/`,
    },
  });
  for (const port of [publicKey.port, releases.port, proxy.port, opsPort]) {
    for (const host of ['localhost', 'any.example', '127.0.0.1', '127.0.0.9', '0.0.0.0']) {
      t.match(
        await proxy.call({
          ClientId: 'acme',
          TokenType: 'test',
          ApiUri: `http://${host}:${port}/healthz`,
          Method: 'GET',
        }),
        { status: 403, problem: { code: 'destination_denied', reason: 'address_own_listener' } },
        `${host}:${port}`,
      );
    }
  }
  t.same([publicKey.connections(), releases.connections()], [0, 0]);
});

t.test('a call that comes around by another way is refused as a loop', async (t) => {
  // A load balancer in front of the proxy: not its own listener.
  const inner = await startProxy(t, {
    obtain: async () => {
      throw new Error('not reached');
    },
  });
  const { call } = await setUp(t, { destinations: [inner.url] });
  t.match(
    await call(`${inner.url}/request_api`, {
      Body: { ClientId: 'a', TokenType: 'b', ApiUri: 'https://shop.example/' },
    }),
    { status: 400, problem: { code: 'request_invalid', reason: 'loop' } },
  );
});

t.test('limits of grants hold for cached releases too', async (t) => {
  const upstream = await startUpstream(t);
  const { proxy, call } = await setUp(
    t,
    { destinations: [upstream.url] },
    {
      release: {
        grants: [{ client: '*', type: '*', methods: ['GET'], paths: ['/v1/orders/*', '/v2'] }],
      },
    },
  );
  for (const [method, path, status, reason] of [
    ['GET', '/v1/orders/7', 200],
    ['GET', '/v2?x=1', 200],
    ['POST', '/v1/orders/7', 403, 'method'],
    ['DELETE', '/v2', 403, 'method'],
    ['GET', '/v1/prices', 403, 'path'],
    ['GET', '/v2/x', 403, 'path'],
    ['GET', '/v1/orders/%2e%2e/prices', 403],
    ['GET', '/v1/orders/..%2fprices', 403, 'path'],
    ['GET', '/v1/orders/..%3Fx', 403, 'path'],
    ['GET', '/v1/orders/AB%2F12', 200],
    ['GET', '/v1/orders/50%25', 200],
    ['GET', '/v1/orders/RED%3BXL', 200],
  ] as const) {
    const answer = await call(upstream.url + path, { Method: method });
    t.equal(answer.status, status, `${method} ${path}`);
    if (reason) t.match(answer.problem, { code: 'grant_denied', reason });
  }
  t.ok(proxy.log().some(({ release }) => release === 'cached'));
  t.strictSame(
    upstream.requests.map(({ target }) => target),
    ['/v1/orders/7', '/v2?x=1', '/v1/orders/AB%2F12', '/v1/orders/50%25', '/v1/orders/RED%3BXL'],
  );
});
