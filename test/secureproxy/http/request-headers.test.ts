import t from 'tap';
import {
  type CallerHeaders,
  droppedHeaders,
  requestHeaders,
} from '../../../secureproxy/http/request-headers.ts';

/** The names and values sent upstream, without the proxy's Via. */
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

t.test('sends headers whose names merely resemble excluded ones', (t) => {
  const kept = {
    'X-Proxy-Id': 'a',
    'My-X-Forwarded-For': 'b',
    Proxies: 'c',
    'X-Hosts': 'd',
    'PSU-IP-Address': 'e',
    'X-Client-Id': 'f',
    'X-Original-Id': 'g',
  };
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
  'X-HTTP-Host-Override',
  'X-HTTP-Path-Override',
  'X-HTTP-DestinationURL',
  'X-Original-HTTP-Method',
  'X-Original-Path',
  'CF-Connecting-IPv6',
  'Fastly-Client-IP',
  'X-Azure-ClientIP',
  'X-Azure-SocketIP',
  'X-Originating-IP',
  'X-Remote-IP',
  'X-Remote-Addr',
  'X-ProxyUser-Ip',
  'X-AppEngine-User-IP',
  'X-NF-Client-Connection-IP',
  'X-Vercel-Forwarded-For',
  'X-Envoy-External-Address',
  'Ali-CDN-Real-IP',
  'CF-Pseudo-IPv4',
  'X-Source-IP',
  'X-Client-Address',
  'X-Envoy-Original-Dst-Host',
  'X-MS-Original-URL',
  'X-Rewrite-URI',
  'X-URL-Override',
  'X-URI-Override',
];

for (const name of notSent) {
  t.test(`does not send ${name}, in any case`, (t) => {
    for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
      t.strictSame(sent({ [spelled]: 'a', 'X-Kept': 'b' }), ['X-Kept', 'b'], spelled);
    }
    t.end();
  });
}

t.test('does not send headers that Connection names, in any case and spacing', (t) => {
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

t.test('drops what the type names, as servers may read it', (t) => {
  const headers = {
    'Shop-Signature': ['a', 'b'],
    SHOP_timestamp: 'c',
    'Shop.Client.Key': 'd',
    'X-Amz-Date': 'e',
    'X-Amz': 'f',
    'X-Shop-Signature': 'g',
    Cookie: 'h',
  };
  const dropped = ['Shop-*', 'x-amz-date', 'cookie'];
  t.strictSame(requestHeaders(headers, [], dropped), [
    ...['X-Amz', 'f', 'X-Shop-Signature', 'g'],
    ...['via', '1.1 secureproxy'],
  ]);
  t.strictSame(droppedHeaders(headers, ['X-AMZ-Date'], dropped), [
    { name: 'Shop-Signature', why: 'dropped' },
    { name: 'SHOP_timestamp', why: 'dropped' },
    { name: 'Shop.Client.Key', why: 'dropped' },
    { name: 'X-Amz-Date', why: 'injected' },
    { name: 'Cookie', why: 'not_sent' },
  ]);
  t.end();
});

t.test('rejects names and values that cannot be a header field', (t) => {
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
    // Also if the header itself would not be sent.
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

t.test('takes a long Connection list beside many headers in linear time', (t) => {
  // Compared one by one, they would take longer than the two minutes that a test file has.
  const named = Array.from({ length: 600_000 }, (_, i) => `x-named-${i}`).join(',');
  const many = Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`x-${i}`, 'v']));
  t.equal(requestHeaders({ ...many, connection: named }, []).length, 2 * (60_000 + 1));
  t.end();
});
