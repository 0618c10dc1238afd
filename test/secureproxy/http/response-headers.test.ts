import t from 'tap';
import { responseHeaders } from '../../../secureproxy/http/response-headers.ts';

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
  t.end();
});

t.test('takes a long Connection list beside many headers in linear time', (t) => {
  // Compared one by one, they would take longer than the two minutes that a test file has.
  const named = Array.from({ length: 600_000 }, (_, i) => `x-named-${i}`).join(',');
  const many = Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`x-${i}`, 'v']));
  t.equal(responseHeaders({ ...many, connection: named }, 200)['x-59999'], 'v');
  t.end();
});

t.test('adds its own to Via, Proxy-Status, Content-Security-Policy and nosniff', (t) => {
  const returned = responseHeaders(
    {
      via: '1.1 cdn',
      'proxy-status': 'cdn; received-status=200',
      'content-security-policy': "default-src 'none'",
      'x-content-type-options': 'something',
    },
    404,
  );
  t.match(returned, {
    via: '1.1 cdn, 1.1 secureproxy',
    'proxy-status': 'cdn; received-status=200, secureproxy; received-status=404',
    'content-security-policy': "default-src 'none', sandbox",
    'x-content-type-options': 'nosniff',
  });
  t.strictSame(responseHeaders({ 'x-none': undefined }, 200), {
    via: '1.1 secureproxy',
    'proxy-status': 'secureproxy; received-status=200',
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
  });
  t.end();
});
