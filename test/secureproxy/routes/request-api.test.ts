import t, { type Test } from 'tap';
import type { ReleaseQuery } from '../../../secureproxy/keyserver-client/client.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { methods } from '../../../shared/policy/schema.ts';
import { releaseOf, someAppKey, startProxy } from '../../support/proxy.ts';
import { answers, startUpstream } from '../../support/upstream.ts';

async function setUp(t: Test) {
  const upstream = await startUpstream(t);
  const asked: ReleaseQuery[] = [];
  const proxy = await startProxy(t, {
    obtain: async (query) => {
      asked.push(query);
      return releaseOf({ destinations: [upstream.url] });
    },
    settings: { TOKEN_CACHE_SECONDS: '0' },
  });
  const required = { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/v1?q=1` };
  return { upstream, proxy, asked, required };
}

t.test('the three required fields make a POST without a body, with the token', async (t) => {
  const { upstream, proxy, asked, required } = await setUp(t);
  const { status, text } = await proxy.call(required, { headers: ['x-key', someAppKey] });
  t.equal(status, 200);
  t.equal(text, 'ok');
  const request = upstream.only();
  t.equal(request.head.split('\r\n')[0], 'POST /v1?q=1 HTTP/1.1');
  t.strictSame(request.all('authorization'), ['Bearer fixture-token']);
  t.strictSame(request.all('host'), [`localhost:${upstream.port}`]);
  t.strictSame(request.all('via'), ['1.1 secureproxy']);
  t.strictSame(request.all('content-length'), ['0']);
  t.notOk(request.head.includes('spk_'));
  t.equal(request.body.length, 0);
  t.match(asked, [
    {
      appKey: someAppKey,
      clientId: 'acme',
      tokenType: 'test',
      target: { method: 'POST', url: required.ApiUri },
    },
  ]);
});

t.test('Method is one of the list, and nothing else', async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  for (const Method of methods) {
    t.equal((await proxy.call({ ...required, Method })).status, 200, Method);
    t.equal(upstream.requests.at(-1)?.method, Method);
  }
  const before = upstream.requests.length;
  for (const Method of ['get', 'CONNECT', 'TRACE', '', 'GET / HTTP/1.1\r\n', 'PURGE', null, 1]) {
    t.match(
      await proxy.call({ ...required, Method }),
      { status: 400, problem: { code: 'request_invalid', reason: 'schema' } },
      String(Method),
    );
  }
  t.equal(upstream.requests.length, before);
});

t.test('Headers are strings or lists of strings', async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  await proxy.call({ ...required, Headers: { 'X-One': 'a', 'X-Many': ['b', 'c'], 'X-None': [] } });
  const request = upstream.only();
  t.strictSame(request.all('x-one'), ['a']);
  t.strictSame(request.all('x-many'), ['b', 'c']);
  t.strictSame(request.all('x-none'), []);
  for (const Headers of [{ A: 1 }, { A: null }, { A: [1] }, { A: { B: 'c' } }, [], 'A: b', null]) {
    t.match(
      await proxy.call({ ...required, Headers }),
      { status: 400, problem: { code: 'request_invalid' } },
      JSON.stringify(Headers),
    );
  }
  for (const name of ['a\n', '\r', '\u2028', '\u2029x']) {
    t.match(await proxy.call({ ...required, Headers: { [name]: 1 } }), {
      status: 400,
      problem: { code: 'request_invalid', reason: 'schema' },
    });
  }
});

t.test('more headers than a call can need are rejected before they are looked at', async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  const named = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, '']));
  t.equal((await proxy.call({ ...required, Headers: named(200) })).status, 200);
  t.equal(upstream.only().headers.filter(([name]) => name.startsWith('x-')).length, 200);
  for (const Headers of [
    named(201),
    named(100_000),
    { 'Accept-Encoding': ','.repeat(1_000_000) },
    { 'X-Many': Array(100_000).fill('') },
  ]) {
    t.match(await proxy.call({ ...required, Headers }), {
      status: 400,
      problem: { code: 'request_invalid', reason: 'headers_limit' },
    });
  }
  t.equal(upstream.requests.length, 1);
});

t.test('the user agent and the content type are ours only where the caller has none', async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  await proxy.call({ ...required, Body: {} });
  await proxy.call({ ...required, Body: {}, Headers: { 'USER-agent': 'x', 'CONTENT-type': 'y' } });
  await proxy.call({ ...required, Body: 'text' });
  const [first, second, third] = upstream.requests;
  t.strictSame(first?.all('user-agent'), ['secureproxy']);
  t.strictSame(first?.all('content-type'), ['application/json']);
  t.strictSame(second?.all('user-agent'), ['x']);
  t.strictSame(second?.all('content-type'), ['y']);
  t.strictSame(third?.all('content-type'), []);
});

t.test('a text Body goes as it is, any other value as JSON', async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  for (const [json, sent] of [
    ['"a=b&c=Ж\\u0000"', 'a=b&c=Ж\0'],
    ['""', ''],
    [
      '{"id":9007199254740993,"price":1.0,"rate":1e3}',
      '{"id":9007199254740993,"price":1.0,"rate":1e3}',
    ],
    ['[1,"b",null]', '[1,"b",null]'],
    [' [1.50,\t"\\u0436" ] ', '[1.50,\t"\\u0436" ]'],
    ['null', 'null'],
    ['false', 'false'],
    ['0', '0'],
    ['12345678901234567890', '12345678901234567890'],
  ] as const) {
    const text = `{${JSON.stringify(required).slice(1, -1)},"Body":${json}}`;
    t.equal((await proxy.call(text)).status, 200, json);
    const request = upstream.requests.at(-1);
    t.equal(request?.body.toString(), sent);
    t.strictSame(request?.all('content-length'), [String(Buffer.byteLength(sent))]);
  }
});

t.test('a Body of null is none where a method has none', async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  for (const Method of methods) {
    t.equal((await proxy.call({ ...required, Method, Body: null })).status, 200, Method);
    const request = upstream.requests.at(-1);
    const isNone = ['GET', 'HEAD', 'DELETE'].includes(Method);
    t.equal(request?.body.toString(), isNone ? '' : 'null', Method);
    t.same(request?.all('content-type'), isNone ? [] : ['application/json'], Method);
    t.equal((await proxy.call({ ...required, Method, Body: 0 })).status, 200, Method);
    t.equal(upstream.requests.at(-1)?.body.toString(), '0', Method);
  }
});

t.test('a Body of 10 MB arrives byte for byte', async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  const order = '{"id":90071992547409931,"price":1290.00,"rate":1e3,"name":"Ж\\u0436\\/"},\n';
  const json = `[${order.repeat(10_000_000 / Buffer.byteLength(order))}null]`;
  const text = `{${JSON.stringify(required).slice(1, -1)},"Body":${json}}`;
  t.equal((await proxy.call(text)).status, 200);
  t.ok(upstream.only().body.equals(Buffer.from(json)));
  t.strictSame(upstream.only().all('content-length'), [String(Buffer.byteLength(json))]);
});

t.test('a member twice, and what is not UTF-8, is rejected for its own reason', async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  const members = JSON.stringify(required).slice(1, -1);
  for (const [text, reason] of [
    [`{${members},"Body":1,"Body":2}`, 'duplicate_member'],
    [`{${members},"ClientI\\u0064":"other"}`, 'duplicate_member'],
    [Buffer.from(`{${members},"Body":"caf\xe9"}`, 'latin1'), 'not_utf8'],
    [Buffer.from(`{${members},"Body":["caf\xe9"]}`, 'latin1'), 'not_utf8'],
    [`{${members},"Body":"\\ud800"}`, 'not_utf8'],
    [`{${members},"Extra":"${'x'.repeat(1_000_000)}"}`, 'members_limit'],
  ] as const) {
    const answer = await proxy.send('/request_api', {
      method: 'POST',
      headers: ['content-type', 'application/json'],
      body: text,
    });
    t.match(answer, { status: 400, problem: { code: 'request_invalid', reason } }, reason);
  }
  t.equal(upstream.requests.length, 0);
  t.equal((await proxy.call(`\ufeff{${members}}`)).status, 200, 'a byte order mark is ignored');
});

t.test('BodyBase64 is any bytes, and not beside Body', async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  const bytes = Buffer.from([0, 255, 13, 10, 128]);
  await proxy.call({ ...required, BodyBase64: bytes.toString('base64') });
  t.strictSame(upstream.only().body, bytes);
  t.strictSame(upstream.only().all('content-type'), []);
  t.match(await proxy.call({ ...required, BodyBase64: '', Body: '' }), {
    status: 400,
    problem: { code: 'request_invalid', reason: 'two_bodies' },
  });
  t.match(await proxy.call({ ...required, BodyBase64: 'AA==', Body: null }), {
    problem: { reason: 'two_bodies' },
  });
  for (const BodyBase64 of ['!', 'AA', 'AA=', 'A A=', 'AB==', '_-8=', '\ud83d', 'AAA\u0416']) {
    t.match(
      await proxy.call({ ...required, BodyBase64 }),
      { status: 400, problem: { code: 'request_invalid', reason: 'base64' } },
      BodyBase64,
    );
  }
  t.equal(upstream.requests.length, 1);
});

t.test('a body without a length limit of its own stops at BODY_LIMIT_BYTES', async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  const Body = 'x'.repeat(proxy.config.BODY_LIMIT_BYTES);
  const answer = await proxy.call({ ...required, Body });
  t.match(answer, {
    status: 413,
    problem: { code: 'body_too_large', detail: /^The body may have \d+ bytes\.$/ },
  });
  t.strictSame(answer.all('proxy-status'), ['secureproxy; error=http_request_error']);
  t.equal(upstream.requests.length, 0);
});

t.test('nesting beyond a thousand levels is refused, and the proxy lives on', async (t) => {
  const { proxy, required } = await setUp(t);
  const Body = '['.repeat(100_000) + ']'.repeat(100_000);
  for (const body of [Body, Body.slice(0, 100_000), Body.replace('[]', '[1.0]')]) {
    const text = `{${JSON.stringify(required).slice(1, -1)},"Body":${body}}`;
    t.match(await proxy.call(text), { status: 400, problem: { code: 'request_invalid' } });
  }
  t.equal((await proxy.call(required)).status, 200);
});

t.test('refuses unknown fields, other types and names that are none', async (t) => {
  const { upstream, proxy, asked, required } = await setUp(t);
  for (const wrong of [
    { Extra: 1 },
    { clientId: 'a' },
    { ClientId: 1 },
    { ClientId: '' },
    { ClientId: 'a\nb' },
    { ClientId: 'a\u202eb' },
    { ClientId: 'x'.repeat(256) },
    { ClientId: '\ud800' },
    { TokenType: '\0' },
    { TokenType: null },
    { ApiUri: '' },
    { ApiUri: ['https://a'] },
    { TimeoutMs: '100' },
    { TimeoutMs: 0 },
    { TimeoutMs: 1.5 },
    { TimeoutMs: 3_600_001 },
    { BodyBase64: 1 },
    { ClientId: undefined },
    { TokenType: undefined },
    { ApiUri: undefined },
  ]) {
    const answer = await proxy.call({ ...required, ...wrong });
    t.match(
      answer,
      {
        status: 400,
        problem: { code: 'request_invalid', status: 400, type: '/errors/request_invalid' },
      },
      JSON.stringify(wrong),
    );
    t.strictSame(answer.all('proxy-status'), ['secureproxy; error=http_request_error']);
    t.equal(answer.problem.requestId, answer.all('x-request-id')[0]);
  }
  for (const text of [
    '',
    '[]',
    '"a"',
    'null',
    '{',
    `{"__proto__":{},${JSON.stringify(required).slice(1)}`,
  ]) {
    t.match(await proxy.call(text), { status: 400, problem: { code: 'request_invalid' } }, text);
  }
  t.equal(asked.length + upstream.requests.length, 0);
});

t.test('names may have any letters, and 255 of them outside of the first plane', async (t) => {
  const { proxy, asked, required } = await setUp(t);
  const ClientId = 'ООО «Ромашка» 🌼 %2f';
  await proxy.call({ ...required, ClientId, TokenType: '😀'.repeat(255) });
  t.match(asked, [{ clientId: ClientId, tokenType: '😀'.repeat(255) }]);
});

t.test('takes the app key from any header or query parameter, and sends it nowhere', async (t) => {
  const { upstream, proxy, asked, required } = await setUp(t);
  const places: readonly (readonly [path: string, headers: readonly string[]])[] = [
    ['', ['authorization', `Bearer ${someAppKey}`]],
    ['', ['Api-Key', someAppKey]],
    [`?key=${someAppKey}`, []],
  ];
  for (const [query, headers] of places) {
    const body = JSON.stringify(required);
    const answer = await proxy.send(`/request_api${query}`, {
      method: 'POST',
      headers: ['content-type', 'application/json', ...headers],
      body,
    });
    t.equal(answer.status, 200);
    t.equal(asked.at(-1)?.appKey, someAppKey);
    t.notOk(upstream.requests.at(-1)?.head.includes(someAppKey));
  }
  t.notOk(proxy.logText().includes(someAppKey));
  await proxy.call(required);
  t.equal(asked.at(-1)?.appKey, null);
});

t.test('two keys are malformed, and a wrong one is 401 and nothing more', async (t) => {
  const { upstream, proxy, asked, required } = await setUp(t);
  const two = ['authorization', `Bearer ${someAppKey}`, 'authorization', makeCallerKey('spk_')];
  t.match(await proxy.call(required, { headers: two }), {
    status: 400,
    problem: { code: 'request_invalid', reason: 'two_app_keys' },
  });
  for (const wrong of [`${someAppKey}x`, `spk_${'a'.repeat(20)}`, someAppKey.slice(0, 20)]) {
    const answer = await proxy.call(required, { headers: ['authorization', `Bearer ${wrong}`] });
    const problem = { code: 'caller_unauthenticated', reason: 'app_key_form' };
    t.match(answer, { status: 401, problem });
    t.strictSame(answer.all('www-authenticate'), ['Bearer']);
    t.strictSame(answer.all('proxy-status'), ['secureproxy; error=http_request_denied']);
    // The body is not even read.
    const early = await proxy.call('not json', { headers: ['authorization', `Bearer ${wrong}`] });
    t.equal(early.status, 401);
  }
  t.equal(asked.length + upstream.requests.length, 0);
});

t.test('an app key that would go to the marketplace is refused', async (t) => {
  const { upstream, proxy, asked, required } = await setUp(t);
  for (const wrong of [
    { Headers: { Authorization: `Bearer ${someAppKey}` } },
    { Headers: { 'X-Key': ['a', someAppKey] } },
    { ApiUri: `${upstream.url}/?key=${someAppKey}` },
    { ApiUri: `${upstream.url}/${someAppKey}/x` },
    { ApiUri: `${upstream.url}/?key=${someAppKey.replace('_', '%255F')}` },
    { Headers: { [someAppKey.toLowerCase()]: '1' } },
    { Body: `key=${someAppKey}` },
    { Body: { deep: [{ key: someAppKey }] } },
    { Body: { [someAppKey]: 1 } },
    { BodyBase64: Buffer.from(`\0${someAppKey}\0`).toString('base64') },
  ]) {
    t.match(await proxy.call({ ...required, ...wrong }), {
      status: 400,
      problem: { code: 'request_invalid', reason: 'app_key_misplaced' },
    });
  }
  t.equal(asked.length + upstream.requests.length, 0);
});

t.test('rejects calls that came around in a loop', async (t) => {
  const { upstream, proxy, required } = await setUp(t);
  const answer = await proxy.call(required, { headers: ['via', '1.1 cdn, 1.1 secureproxy'] });
  t.match(answer, { status: 400, problem: { code: 'request_invalid', reason: 'loop' } });
  t.strictSame(answer.all('proxy-status'), ['secureproxy; error=proxy_loop_detected']);
  t.equal((await proxy.call(required, { headers: ['via', '1.1 cdn'] })).status, 200);
  t.strictSame(upstream.only().all('via'), ['1.1 secureproxy']);
});

t.test('other routes, methods and media types are problems with Proxy-Status', async (t) => {
  const { proxy, asked, required } = await setUp(t);
  const body = JSON.stringify(required);
  const json = ['content-type', 'application/json'];
  for (const [path, sent, status, code] of [
    ['/', {}, 404, 'route_not_found'],
    ['/request_api/', { method: 'POST', headers: json, body }, 404, 'route_not_found'],
    ['/nothing?key=1', { method: 'POST', headers: json, body }, 404, 'route_not_found'],
    ['/request_api', {}, 405, 'method_not_allowed'],
    ['/request_api', { method: 'PUT', headers: json, body }, 405, 'method_not_allowed'],
    ['/request_api', { method: 'OPTIONS' }, 405, 'method_not_allowed'],
    [
      '/request_api',
      { method: 'POST', headers: ['content-type', 'text/plain'], body },
      415,
      'media_type_unsupported',
    ],
    ['/request_api', { method: 'POST', body }, 415, 'media_type_unsupported'],
    [
      '/request_api',
      { method: 'POST', headers: ['content-type', 'application/x-www-form-urlencoded'], body },
      415,
      'media_type_unsupported',
    ],
    ['/%zz', {}, 400, 'request_invalid'],
    ['/request_api', { method: 'POST', headers: json }, 400, 'request_invalid'],
  ] as const) {
    const answer = await proxy.send(path, sent);
    t.match(answer, { status, problem: { code, status } }, `${path} ${JSON.stringify(sent)}`);
    t.match(answer.all('content-type'), [/^application\/problem\+json/]);
    t.strictSame(answer.all('proxy-status'), ['secureproxy; error=http_request_error'], path);
    t.strictSame(answer.all('access-control-allow-origin'), []);
  }
  t.strictSame((await proxy.send('/request_api')).all('allow'), ['POST']);
  t.equal(asked.length, 0);
});

t.test('the request id and trace context go to KeyServer, and not upstream', async (t) => {
  const { upstream, proxy, asked, required } = await setUp(t);
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const headers = ['x-request-id', 'my-id.1', 'traceparent', traceparent];
  const answer = await proxy.call(required, { headers });
  t.strictSame(answer.all('x-request-id'), ['my-id.1']);
  t.match(asked[0]?.trace, {
    'x-request-id': 'my-id.1',
    traceparent: /^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$/,
  });
  t.strictSame(Object.keys(asked[0]?.trace ?? {}), ['x-request-id', 'traceparent']);
  t.strictSame(upstream.only().all('x-request-id'), []);
  t.strictSame(upstream.only().all('traceparent'), []);
  const other = await proxy.call(required, { headers: ['x-request-id', 'not an id'] });
  t.match(other.all('x-request-id')[0], /^[0-9a-f-]{36}$/);
  const keyed = await proxy.call(required, { headers: ['x-request-id', makeCallerKey('spk_')] });
  t.match(keyed.all('x-request-id')[0], /^[0-9a-f-]{36}$/, 'no key becomes an id');
  upstream.script(
    answers(200, 'ok', [
      ['X-Request-Id', 'of-the-upstream'],
      ['X-Upstream-Request-Id', 'of-one-further-on'],
    ]),
  );
  const own = await proxy.call(required, { headers });
  t.strictSame(own.all('x-request-id'), ['my-id.1'], 'by which the log is found');
  t.strictSame(own.all('x-upstream-request-id'), ['of-the-upstream'], 'for their support');
  upstream.script(
    answers(200, 'ok', [
      ['Connection', 'X-Request-Id'],
      ['X-Request-Id', 'hop'],
    ]),
  );
  const hop = await proxy.call(required, { headers });
  t.strictSame(hop.all('x-request-id'), ['my-id.1']);
  t.strictSame(hop.all('x-upstream-request-id'), []);
});

t.test('logs one line a call, with names and sizes only', async (t) => {
  const { proxy, required } = await setUp(t);
  await proxy.call({ ...required, Body: 'private', Headers: { 'X-Private': 'value' } });
  t.match(await proxy.requestLine(), {
    'url.template': '/request_api',
    'http.response.status_code': 200,
    client: 'acme',
    token_type: 'test',
    app: 'orders',
    'upstream.request.method': 'POST',
    'upstream.request.body.size': 7,
    'upstream.response.status_code': 200,
    'upstream.response.body.size': 2,
    'http.response.body.size': 2,
  });
  t.notMatch(proxy.logText(), /private|X-Private|fixture-token|\?q=1|\/v1/i);
});
