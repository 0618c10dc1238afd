import t from 'tap';
import {
  type CallerHeaders,
  requestHeaders,
  responseHeaders,
} from '../../../secureproxy/http/headers.ts';

/** Names and values of what goes upstream, without our Via. */
function sent(headers: CallerHeaders, injected: readonly string[] = []): string[] {
  const list = requestHeaders(headers, injected);
  t.strictSame(list.slice(-2), ['via', '1.1 secureproxy']);
  return list.slice(0, -2);
}

t.test('sends end-to-end headers as the caller spelled them, lists as several', (t) => {
  t.strictSame(sent({ 'X-One': 'a', 'x-many': ['b', 'c'], 'Client-Id': '42' }), [
    'X-One',
    'a',
    'x-many',
    'b',
    'x-many',
    'c',
    'Client-Id',
    '42',
  ]);
  t.end();
});

t.test('sends what is only like a header that it does not send', (t) => {
  const kept = { 'X-Proxy-Id': 'a', 'My-X-Forwarded-For': 'b', Proxies: 'c', 'X-Hosts': 'd' };
  t.strictSame(sent(kept), Object.entries(kept).flat());
  t.strictSame(sent({ 'X-One': 'X-Two, close', 'X-Two': 'X-One' }), [
    'X-One',
    'X-Two, close',
    'X-Two',
    'X-One',
  ]);
  t.end();
});

const notSent = [
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'HTTP2-Settings',
  'Authorization',
  'Cookie',
  'Host',
  'Content-Length',
  'Expect',
  'Via',
  'Forwarded',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Anything',
  'X_Forwarded_Host',
  'X-Forwarded',
  'X-Original-Forwarded-For',
  'X-Real-IP',
  'X-Client-IP',
  'X-Cluster-Client-IP',
  'Client-IP',
  'True-Client-IP',
  'CF-Connecting-IP',
  'Proxy',
  'Proxy-Status',
  'Proxy-Anything',
  'Proxy-Authentication-Info',
  'X-Original-URI',
  'X.Forwarded.Host',
  'Transfer_Encoding',
  'X-HTTP-Method',
  'X-HTTP-Method-Override',
  'X-Method-Override',
  'X_HTTP_Method_Override',
  'X-Original-URL',
  'X-Rewrite-URL',
  'X-Original-Method',
  'X-Original-Host',
  'X-Override-URL',
  'X-Host',
];

for (const name of notSent) {
  t.test(`does not send ${name}, in any case`, (t) => {
    for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
      t.strictSame(sent({ [spelled]: 'a', 'X-Kept': 'b' }), ['X-Kept', 'b'], spelled);
    }
    t.end();
  });
}

t.test('does not send what Connection names, in any case and spacing', (t) => {
  t.strictSame(
    sent({
      connection: 'close, X-Hop',
      Connection: ['x-OTHER ,x-third', 'x-fourth'],
      'x-hop': '1',
      'X-Other': '2',
      'X-Third': '3',
      'X-Fourth': '4',
      'X-Kept': '5',
    }),
    ['X-Kept', '5'],
  );
  t.strictSame(sent({ Connection: 'X-Hop', X_Hop: '1', 'X.HOP': '2', 'X-Hop-2': '3' }), [
    'X-Hop-2',
    '3',
  ]);
  t.end();
});

t.test('drops injected headers however the caller spells them', (t) => {
  const injected = ['api-key'];
  for (const name of [
    'Api-Key',
    'api-key',
    'API-KEY',
    'Api_Key',
    'API_KEY',
    'Api.Key',
    'api~key',
    "API'KEY",
  ]) {
    t.strictSame(sent({ [name]: ['a', 'b'], 'X-Kept': 'c' }, injected), ['X-Kept', 'c'], name);
  }
  t.end();
});

t.test('refuses names and values that are not one header field', (t) => {
  const bad: readonly (readonly [name: string, value: string])[] = [
    ['X', 'a\r\nInjected: b'],
    ['X', 'a\nb'],
    ['X', 'a\rb'],
    ['X', 'a\0b'],
    ['X', '\u007f'],
    ['X', 'файл'],
    ['X', '\u0100'],
    ['', 'a'],
    ['X Y', 'a'],
    ['X:', 'a'],
    ['X\r\nY', 'a'],
    ['X\0', 'a'],
    ['Ж', 'a'],
    // Also where the header itself would not be sent.
    ['Connection', 'a\r\nb'],
    ['Cookie', 'a\0'],
  ];
  t.throws(() => requestHeaders({ 'X Y': 'a' }, []), {
    message: 'Headers: "X Y" is not a header name.',
  });
  for (const [name, value] of bad) {
    for (const given of [value, ['fine', value]]) {
      t.throws(
        () => requestHeaders({ [name]: given }, []),
        { code: 'request_invalid', options: { reason: 'header' } },
        JSON.stringify([name, value]),
      );
    }
  }
  t.end();
});

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

t.test("does not return what the upstream's Connection names", (t) => {
  const returned = responseHeaders(
    { connection: 'close, X-Hop', 'x-hop': '1', 'x-kept': 'x-also', 'x-also': '3' },
    200,
  );
  t.notOk('x-hop' in returned);
  t.equal(returned['x-kept'], 'x-also');
  t.equal(returned['x-also'], '3');
  t.end();
});

t.test('long lists in Connection beside many headers cost what they are long', (t) => {
  // Compared one by one they take longer than the two minutes that a file of tests has; else a second or two.
  const named = Array.from({ length: 600_000 }, (_, i) => `x-named-${i}`).join(',');
  const many = Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`x-${i}`, 'v']));
  t.equal(requestHeaders({ ...many, connection: named }, []).length, 2 * (60_000 + 1));
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
