import t, { type Test } from 'tap';
import { releaseOf, startProxy } from '../../support/proxy.ts';
import { answer, answers, startUpstream, writes, writesAndEnds } from '../../support/upstream.ts';

async function setUp(t: Test) {
  const upstream = await startUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url], scrub: false }),
  });
  const call = (more: object = {}) =>
    proxy.call({ ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/`, ...more });
  return { upstream, proxy, call };
}

t.test("gives the upstream's status and body, whatever the status", async (t) => {
  const { upstream, call } = await setUp(t);
  for (const status of [
    200, 201, 202, 206, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 599,
  ]) {
    upstream.script(
      answers(status, `{"status":${status}}`, [['Content-Type', 'application/json']]),
    );
    const given = await call();
    t.match(given, { status, text: `{"status":${status}}`, whole: true }, String(status));
    t.strictSame(given.all('content-type'), ['application/json']);
    t.strictSame(given.all('proxy-status'), [`secureproxy; received-status=${status}`]);
    t.strictSame(given.all('content-length'), ['14']);
  }
});

t.test('gives answers that have no body', async (t) => {
  const { upstream, call } = await setUp(t);
  for (const status of [204, 304]) {
    upstream.script(writes(`HTTP/1.1 ${status} Some\r\nETag: "a"\r\n\r\n`));
    const given = await call({ Method: 'GET' });
    t.match(given, { status, text: '', whole: true });
    t.strictSame(given.all('etag'), ['"a"']);
  }
  // A length without a body would leave the caller waiting for one.
  upstream.script(writes('HTTP/1.1 204 Some\r\nContent-Length: 2\r\n\r\n'));
  const empty = await call();
  t.match(empty, { status: 204, text: '', whole: true });
  t.strictSame(empty.all('content-length'), []);
  upstream.script(writes('HTTP/1.1 304 Some\r\nContent-Length: 100\r\n\r\n'));
  t.match(await call({ Method: 'GET' }), { status: 304, text: '', whole: true });
  upstream.script(answers(200, ''));
  t.match(await call(), { status: 200, text: '', whole: true });
});

t.test('gives a HEAD answer without waiting for the body that it announces', async (t) => {
  const { upstream, call } = await setUp(t);
  upstream.script(writes('HTTP/1.1 200 Some\r\nContent-Length: 100\r\nX-Kept: a\r\n\r\n'));
  const given = await call({ Method: 'HEAD' });
  t.match(given, { status: 200, text: '', whole: true });
  t.strictSame(given.all('x-kept'), ['a']);
  upstream.script(writes('HTTP/1.1 200 Some\r\nTransfer-Encoding: chunked\r\n\r\n'));
  t.match(await call({ Method: 'HEAD' }), { status: 200, text: '', whole: true });
});

t.test('gives headers as they are, several of a name and old letters included', async (t) => {
  const { upstream, call } = await setUp(t);
  upstream.script(
    answers(200, 'ok', [
      ['X-Many', 'one'],
      ['X-Many', 'two'],
      ['WWW-Authenticate', 'Basic realm="a"'],
      ['WWW-Authenticate', 'Bearer'],
      ['Content-Disposition', 'attachment; filename="отчёт.xlsx"'],
      ['X-Latin', 'caf\u00e9'],
      ['Content-Language', 'ru'],
      ['Date', 'Tue, 15 Nov 1994 08:12:31 GMT'],
      ['Server', 'nginx'],
      ['constructor', 'x'],
      ['__proto__', 'y'],
    ]),
  );
  // The head goes out in latin1; this header came in UTF-8, as it does from real marketplaces.
  const name = Buffer.from('отчёт.xlsx').toString('latin1');
  upstream.script(
    writes(
      answer(200, 'ok', [
        ['X-Many', 'one'],
        ['X-Many', 'two'],
        ['WWW-Authenticate', 'Basic realm="a"'],
        ['WWW-Authenticate', 'Bearer'],
        ['Content-Disposition', `attachment; filename="${name}"`],
        ['X-Latin', 'caf\u00e9'],
        ['Date', 'Tue, 15 Nov 1994 08:12:31 GMT'],
        ['Server', 'nginx'],
        ['constructor', 'x'],
        ['__proto__', 'y'],
        ['__proto__', 'z'],
      ]),
    ),
  );
  const given = await call();
  t.equal(given.status, 200);
  t.strictSame(given.all('x-many'), ['one', 'two']);
  t.strictSame(given.all('www-authenticate'), ['Basic realm="a"', 'Bearer']);
  t.strictSame(given.all('content-disposition'), [`attachment; filename="${name}"`]);
  t.strictSame(given.all('x-latin'), ['caf\u00e9']);
  t.strictSame(given.all('date'), ['Tue, 15 Nov 1994 08:12:31 GMT']);
  t.strictSame(given.all('server'), ['nginx']);
  t.strictSame(given.all('constructor'), ['x']);
  t.strictSame(given.all('__proto__'), ['y', 'z']);
});

t.test('leaves encodings alone', async (t) => {
  const { upstream, call } = await setUp(t);
  const bytes = Buffer.from([0x1f, 0x8b, 8, 0, 255, 254, 0]);
  upstream.script(answers(200, bytes, [['Content-Encoding', 'gzip']]));
  const given = await call({ Headers: { 'Accept-Encoding': 'gzip' } });
  t.strictSame(given.body, bytes);
  t.strictSame(given.all('content-encoding'), ['gzip']);
  t.strictSame(upstream.only().all('accept-encoding'), ['gzip']);
});

t.test('gives bodies of every framing whole', async (t) => {
  const { upstream, call } = await setUp(t);
  upstream.script(
    writes(
      'HTTP/1.1 200 Some\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n',
      '3;ext=1\r\nabc\r\n',
      '2\r\nde\r\n0\r\nX-Sum: 1\r\nAuthorization: x\r\n\r\n',
    ),
  );
  const chunked = await call();
  t.match(chunked, { status: 200, text: 'abcde', whole: true });
  t.strictSame(chunked.all('trailer'), []);
  t.strictSame(chunked.all('x-sum'), []);
  upstream.script(writesAndEnds('HTTP/1.1 200 Some\r\n\r\nto the end'));
  t.match(await call(), { status: 200, text: 'to the end', whole: true });
  upstream.script(writesAndEnds('HTTP/1.0 200 Some\r\n\r\nold'));
  t.match(await call(), { status: 200, text: 'old', whole: true });
});

t.test('takes no interim answer for the answer', async (t) => {
  const { upstream, call } = await setUp(t);
  upstream.script(
    writes(
      'HTTP/1.1 102 Processing\r\nX-Interim: 1\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n',
      answer(200, 'ok', [['X-Final', '1']]),
    ),
  );
  const given = await call();
  t.match(given, { status: 200, text: 'ok', whole: true });
  t.strictSame(given.all('x-interim'), []);
  t.strictSame(given.all('link'), []);
  t.strictSame(given.all('x-final'), ['1']);
});

t.test('hands redirects back and follows none, wherever they point', async (t) => {
  const { upstream, call } = await setUp(t);
  const elsewhere = await startUpstream(t);
  for (const status of [301, 302, 303, 307, 308]) {
    for (const [location, absolute] of [
      [`${elsewhere.url}/x`, `${elsewhere.url}/x`],
      [`${upstream.url}/other`, `${upstream.url}/other`],
      ['/other', `${upstream.url}/other`],
      ['//evil.example', 'http://evil.example/'],
    ] as const) {
      upstream.requests.length = 0;
      upstream.script(answers(status, '', [['Location', location]]));
      const given = await call();
      t.equal(given.status, status);
      t.strictSame(given.all('location'), []);
      t.strictSame(given.all('x-upstream-location'), [absolute]);
      t.equal(upstream.requests.length, 1);
    }
  }
  t.equal(elsewhere.connections(), 0);
});

t.test('keeps from the caller what would act on a browser or on our connection', async (t) => {
  const { upstream, call } = await setUp(t);
  const hidden = [
    ['Set-Cookie', 'a=b'],
    ['Access-Control-Allow-Origin', '*'],
    ['Alt-Svc', 'h3=":443"'],
    ['Strict-Transport-Security', 'max-age=1'],
    ['Clear-Site-Data', '"*"'],
    ['Service-Worker-Allowed', '/'],
    ['NEL', '{"report_to":"a"}'],
    ['Report-To', '{"group":"a"}'],
    ['Proxy-Authenticate', 'Basic'],
    ['Proxy-Authentication-Info', 'a'],
    ['Upgrade', 'h2c'],
    ['Keep-Alive', 'timeout=1234'],
    ['Connection', 'X-Hop, keep-alive'],
    ['X-Hop', '1'],
    ['CONNECTION', 'close, X-Hop-Too'],
    ['X-Hop-Too', '2'],
  ] as const;
  upstream.script(
    answers(200, 'ok', [
      ...hidden,
      ['Set-Cookie', 'c=d'],
      ['Proxy-Status', 'cdn; received-status=200, secureproxy; error=dns_error'],
      ['Via', '1.1 cdn'],
      ['Content-Security-Policy', "default-src 'none'"],
      ['X-Content-Type-Options', 'other'],
    ]),
  );
  const given = await call();
  for (const [name, value] of hidden) t.notOk(given.all(name).includes(value), name);
  t.strictSame(given.all('set-cookie'), []);
  t.strictSame(given.all('proxy-status'), [
    'cdn; received-status=200, secureproxy; received-status=200',
  ]);
  t.strictSame(given.all('via'), ['1.1 cdn, 1.1 secureproxy']);
  t.strictSame(given.all('content-security-policy'), ["default-src 'none', sandbox"]);
  t.strictSame(given.all('x-content-type-options'), ['nosniff']);
});

const broken: Readonly<Record<string, readonly string[]>> = {
  'something else than HTTP': ['SSH-2.0-OpenSSH_9.2\r\n'],
  'binary noise': ['\x16\x03\x01\0\xff\xfe\0\0\0'],
  'an HTTP/2 preface': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'a status that is no number': ['HTTP/1.1 2xx OK\r\n\r\n'],
  'a header without a colon': ['HTTP/1.1 200 OK\r\nno colon here\r\n\r\n'],
  'a NUL in a header': ['HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n'],
  'a bare CR in a header': ['HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n'],
  'a space within a header name': ['HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 0\r\n\r\n'],
  'Content-Length with Transfer-Encoding': [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  'two lengths': ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nok'],
  'a length that is no number': ['HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok'],
  'a negative length': ['HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok'],
  'the same length twice': ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok'],
  'a list of lengths': ['HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok'],
  'a signed length': ['HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok'],
  'a header that goes on in the next line': [
    'HTTP/1.1 200 OK\r\nX: a\r\n Set-Cookie: b\r\nContent-Length: 2\r\n\r\nok',
  ],
  'a control character in a header': [
    'HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 2\r\n\r\nok',
  ],
  'a header without a name': ['HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 2\r\n\r\nok'],
  'lines that end with LF alone': ['HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
  'a CR in the reason': ['HTTP/1.1 200 a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok'],
  'a body in another transfer coding': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ],
  'a transfer coding that is none': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ],
  'chunks within chunks': [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  'headers beyond 16 KiB': [
    `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(20_000)}\r\nContent-Length: 0\r\n\r\n`,
  ],
  'an upgrade': ['HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  'very many headers': [`HTTP/1.1 200 OK\r\n${'X: a\r\n'.repeat(20_000)}Content-Length: 0\r\n\r\n`],
};

for (const [what, bytes] of Object.entries(broken)) {
  t.test(
    `an upstream that sends ${what} is upstream_invalid, and the proxy lives on`,
    async (t) => {
      const { upstream, proxy, call } = await setUp(t);
      upstream.script(writes(...bytes));
      const given = await call();
      t.match(given, { status: 502, problem: { code: 'upstream_invalid' } });
      t.strictSame(given.all('proxy-status'), ['secureproxy; error=http_protocol_error']);
      t.notMatch(given.text, /SSH|a{20}/);
      upstream.script(answers(200, 'ok'));
      t.match(await call(), { status: 200, text: 'ok' });
      t.equal(proxy.log().filter((line) => line['error.type'] === 'internal').length, 0);
    },
  );
}

for (const [what, bytes] of Object.entries({
  'sends a status below 100': ['HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok'],
  'sends an interim answer and ends': ['HTTP/1.1 103 Early\r\n\r\n'],
  'ends at once': [],
  'ends amid the headers': ['HTTP/1.1 200 OK\r\nX: a'],
})) {
  t.test(`an upstream that ${what} is a bad gateway, and the proxy lives on`, async (t) => {
    const { upstream, call } = await setUp(t);
    upstream.script(writesAndEnds(...bytes));
    const given = await call();
    t.match(given, { status: 502, problem: { code: /^upstream_(?:invalid|unreachable)$/ } });
    upstream.script(answers(200, 'ok'));
    t.match(await call(), { status: 200, text: 'ok' });
  });
}

for (const [what, bytes] of Object.entries({
  'ends short of its length': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort',
  'ends between chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n',
  'ends within a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort',
  'sends a chunk size that is none':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nzz\r\n',
})) {
  t.test(`an answer that ${what} is never given as whole`, async (t) => {
    const { upstream, proxy, call } = await setUp(t);
    upstream.script(writesAndEnds(bytes));
    const given = await call();
    t.match(given, { status: 200, whole: false });
    t.ok('short'.startsWith(given.text));
    upstream.script(answers(200, 'ok'));
    t.match(await call(), { status: 200, text: 'ok', whole: true });
    t.match(await proxy.requestLine(), {
      'upstream.response.status_code': 200,
      'error.type': /^upstream_/,
    });
  });
}

t.test('a second answer nobody asked for reaches no caller', async (t) => {
  const { upstream, call } = await setUp(t);
  upstream.script(writes(answer(200, 'first'), answer(200, 'poison')));
  t.equal((await call()).text, 'first');
  upstream.script(answers(200, 'second'));
  t.equal((await call()).text, 'second');
});
