import type { IncomingHttpHeaders } from 'node:http';
import t from 'tap';
import { responseHeaders as headersFor } from '../../../secureproxy/http/response-headers.ts';

const url = 'https://api.market.example/v1/orders?a=1';
const responseHeaders = (headers: IncomingHttpHeaders, status: number) =>
  headersFor(headers, status, () => ({ url, hasSecret: () => false }));

t.test('returns end-to-end headers, several of a name included', (t) => {
  t.match(
    responseHeaders(
      { 'x-one': 'a', 'www-authenticate': 'Basic', 'x-many': ['b', 'c'] as never },
      200,
    ),
    { 'x-one': 'a', 'www-authenticate': 'Basic', 'x-many': ['b', 'c'] },
  );
  t.end();
});

t.test('returns headers with names of objects, once or twice', (t) => {
  const received = JSON.parse('{"__proto__":"a","constructor":"b","x":"c"}');
  t.match(Object.entries(responseHeaders(received, 200)), Object.entries(received));
  const twice = JSON.parse('{"__proto__":["a","b"]}');
  const returned = responseHeaders(twice, 200);
  t.match(Object.entries(returned), Object.entries(twice));
  t.equal(Object.getPrototypeOf(returned), Object.prototype);
  t.end();
});

for (const name of [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'http2-settings',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'set-cookie',
  'set-cookie2',
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-anything',
  'accept-ch',
  'alt-svc',
  'nel',
  'public-key-pins',
  'report-to',
  'strict-transport-security',
  'clear-site-data',
  'service-worker-allowed',
  'critical-ch',
  'alternate-protocol',
  'content-security-policy-report-only',
  'expect-ct',
  'onion-location',
  'sourcemap',
  'x-sourcemap',
  'activate-storage-access',
  'attribution-reporting-register-source',
  'ad-auction-signals',
  'shared-storage-write',
  'observe-browsing-topics',
  'public-key-pins-report-only',
  'refresh',
  'reporting-endpoints',
  'secure-session-registration',
  'sec-session-registration',
  'set-login',
  'speculation-rules',
  'timing-allow-origin',
  'use-as-dictionary',
  // Commands to servers in front.
  'x-accel-redirect',
  'x-accel-expires',
  'x-accel-limit-rate',
  'x-accel-buffering',
  'x-accel-charset',
  'x-sendfile',
  'x-sendfile2',
  'x-sendfile-temporary',
  'x-lighttpd-send-file',
  'x-reproxy-url',
  'fly-replay',
  'fly-replay-cache',
  'netlify-vary',
  'cdn-tag',
  'x-esi',
  'x-body-eval',
  'x-body-file',
  'x-litespeed-location',
  'x-litespeed-purge',
  'x-envoy-immediate-health-check-fail',
  'x-istio-attributes',
  'l5d-success-class',
  'x-appengine-blobkey',
  'surrogate-control',
  'surrogate-key',
  'edge-control',
  'edge-cache-tag',
  'cf-edge-cache',
  'cdn-cache-control',
  'cloudflare-cdn-cache-control',
  'akamai-cache-control',
  'cache-tag',
  'xkey',
  // The proxy's own.
  'x-upstream-location',
  'x-upstream-request-id',
]) {
  t.test(`does not return ${name}`, (t) => {
    const returned = responseHeaders({ [name]: 'a', 'x-kept': 'b' }, 200);
    t.notOk(name in returned);
    t.equal(returned['x-kept'], 'b');
    t.end();
  });
}

t.test("does not return headers that the upstream's Connection names", (t) => {
  const returned = responseHeaders(
    { connection: 'close, X-Hop', 'x-hop': '1', 'x-kept': 'x-also', 'x-also': '3' },
    200,
  );
  t.notOk('x-hop' in returned);
  t.equal(returned['x-kept'], 'x-also');
  t.equal(returned['x-also'], '3');
  // As undici has several of them.
  const several = { connection: ['close', 'X-Hop'] as never, 'x-hop': '1', 'x-kept': '2' };
  t.match(responseHeaders(several, 200), { 'x-hop': undefined, 'x-kept': '2' });
  t.end();
});

t.test('takes a long Connection list beside many headers in linear time', (t) => {
  // Compared one by one, they would take longer than the two minutes that a test file has.
  const named = Array.from({ length: 600_000 }, (_, i) => `x-named-${i}`).join(',');
  const many = Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`x-${i}`, 'v']));
  t.equal(responseHeaders({ ...many, connection: named }, 200)['x-59999'], 'v');
  t.end();
});

t.test('no quote that is left open hides the `private` of Cache-Control', async (t) => {
  const { 'cache-control': sent } = responseHeaders({ 'cache-control': 'public, x="' }, 200);
  t.equal(sent, 'private, public, x="');
});

t.test(
  'adds its own to Via, Proxy-Status, Content-Security-Policy, Cache-Control and nosniff',
  (t) => {
    const returned = responseHeaders(
      {
        via: '1.1 cdn',
        'proxy-status': 'cdn; received-status=200',
        'content-security-policy': "default-src 'none'",
        'cache-control': 'public, max-age=60',
        'x-content-type-options': 'something',
      },
      404,
    );
    t.match(returned, {
      via: '1.1 cdn, 1.1 secureproxy',
      'proxy-status': 'cdn; received-status=200, secureproxy; received-status=404',
      'content-security-policy': "default-src 'none', sandbox",
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, public, max-age=60',
    });
    t.strictSame(responseHeaders({ 'x-none': undefined }, 200), {
      via: '1.1 secureproxy',
      'proxy-status': 'secureproxy; received-status=200',
      'content-security-policy': 'sandbox',
      'x-content-type-options': 'nosniff',
      'cache-control': 'private',
    });
    t.end();
  },
);

t.test('returns headers whose names only resemble those', (t) => {
  const headers = {
    expires: '0',
    'retry-after': '1',
    'www-authenticate': 'Bearer',
    'x-accelerated': '1',
    'x-cache': 'HIT',
    'cf-ray': '1',
    'x-ratelimit-remaining': '1',
    'last-modified': 'x',
  };
  t.match(responseHeaders(headers, 401), headers);
  t.end();
});

t.test('a redirect has an absolute X-Upstream-Location in place of Location', (t) => {
  for (const [location, absolute] of [
    ['/v3/list/', 'https://api.market.example/v3/list/'],
    ['next', 'https://api.market.example/v1/next'],
    ['?b=2', 'https://api.market.example/v1/orders?b=2'],
    ['//evil.example/x', 'https://evil.example/x'],
    ['http://evil.example', 'http://evil.example/'],
    ['../../..', 'https://api.market.example/'],
    ['', 'https://api.market.example/v1/orders?a=1'],
    ['\\evil.example', 'https://api.market.example/evil.example'],
    [Buffer.from('/отчёт').toString('latin1'), `https://api.market.example/${encodeURI('отчёт')}`],
    ['/\xe9', 'https://api.market.example/%E9'],
  ] as const) {
    for (const status of [300, 301, 302, 303, 304, 307, 308, 399]) {
      const returned = responseHeaders({ location }, status);
      t.notOk('location' in returned, `${status} ${location}`);
      t.equal(returned['x-upstream-location'], absolute);
    }
    for (const status of [200, 201, 202, 299, 400, 503]) {
      const returned = responseHeaders({ location }, status);
      t.equal(returned.location, absolute, `${status} ${location}`);
      t.notOk('x-upstream-location' in returned);
    }
  }
  t.end();
});

t.test('a link in which the parser would drop a tab is dropped, since it may part a token', (t) => {
  for (const name of ['location', 'content-location'] as const) {
    const returned = responseHeaders({ [name]: '/x?t=abcd\tefgh' }, 200);
    t.notMatch(JSON.stringify(returned), 'abcdefgh', name);
    t.notOk(name in returned);
  }
  const { link } = responseHeaders({ link: '</x?t=abcd\tefgh>; rel=next' }, 200);
  t.notMatch(JSON.stringify(link), 'abcdefgh');
  t.end();
});

t.test('no relative link is left for the caller to resolve against the proxy', (t) => {
  const returned = responseHeaders(
    {
      'content-location': '/v1/orders/1',
      link: '</v1/orders?page=2>; rel="next"; title="a <b>, \\"<c>", <//cdn.example/x>; rel=preload, <>',
    },
    200,
  );
  t.equal(returned['content-location'], 'https://api.market.example/v1/orders/1');
  t.strictSame(returned.link, [
    '<https://api.market.example/v1/orders?page=2>; rel="next"; title="a <b>, \\"<c>", <https://cdn.example/x>; rel=preload, <https://api.market.example/v1/orders?a=1>',
  ]);
  const several = responseHeaders({ link: ['</a>', '</b>; rel="</c>'] as never }, 200);
  t.strictSame(several.link, [
    '<https://api.market.example/a>',
    '<https://api.market.example/b>; rel="</c>',
  ]);
  t.end();
});

t.test('a location that no client could resolve, or the second of two, is dropped', (t) => {
  for (const status of [201, 302]) {
    const returned = responseHeaders(
      { location: 'https://[', 'content-location': 'https://a:b' },
      status,
    );
    for (const name of ['location', 'x-upstream-location', 'content-location']) {
      t.notOk(name in returned, name);
    }
  }
  const two = responseHeaders({ location: ['/a', 'https://evil.example'] as never }, 307);
  t.equal(two['x-upstream-location'], 'https://api.market.example/a');
  t.end();
});

t.test('a short Link becomes no long one', (t) => {
  const longUrl = `https://api.market.example/v1?q=${'a'.repeat(20_000)}`;
  const linkFor = (link: string | string[], of: string) => {
    let judged = 0;
    const hasSecret = () => ++judged < 0;
    const returned = headersFor({ link: link as never }, 200, () => ({ url: of, hasSecret }));
    return { returned, judged };
  };
  const one = `<${longUrl}>`;
  t.strictSame(linkFor('<><><>', longUrl).returned.link, [one.repeat(3)]);
  for (const [links, of, judged] of [
    ['<>'.repeat(4), longUrl, 4],
    ['<>'.repeat(8000), longUrl, 4],
    [['<><>', '<><>', '<>'], longUrl, 4],
    ['<>'.repeat(101), url, 100],
    ['</a>'.repeat(4000), url, 100],
  ] as const) {
    const dropped = linkFor(links as string, of);
    t.notOk('link' in dropped.returned);
    t.equal(dropped.judged, judged, 'no more are resolved than may be returned');
  }
  t.strictSame(linkFor('<>'.repeat(100), url).returned.link, [`<${url}>`.repeat(100)]);
  t.end();
});

t.test('takes links of every form in linear time', (t) => {
  for (const unit of ['<', '"', '"\\"', '"<', '</a']) {
    const link = unit.repeat(Math.ceil(2_000_000 / unit.length));
    t.equal(typeof [responseHeaders({ link }, 200).link].flat()[0], 'string', unit);
  }
  t.end();
});
