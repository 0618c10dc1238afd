import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import type { Policy } from '../../../shared/policy/schema.ts';
import type { Release } from '../../../shared/protocol/messages.ts';
import { findLeaks } from '../../support/leaks.ts';
import { begin, readAnswer, releaseOf, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { answer, answers, startUpstream, writes, writesAndEnds } from '../../support/upstream.ts';

const token = 'made-up-token/1234+5678';

async function setUp(t: Test, policy: Partial<Policy> = {}, fields: Release['fields'] = { token }) {
  const upstream = await startUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url], ...policy }, { fields }),
  });
  const required = { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/` };
  return {
    upstream,
    proxy,
    call: (more: object = {}) => proxy.call({ ...required, ...more }),
    start: (more: object = {}) =>
      begin(`${proxy.url}/request_api`, {
        method: 'POST',
        headers: ['content-type', 'application/json'],
        body: JSON.stringify({ ...required, ...more }),
      }),
  };
}

const echo = `{"error":"the key ${token} is not known"}`;
const scrubbed = '{"error":"the key [redacted] is not known"}';
const chunked = (body: string | Buffer, ...headers: [string, string][]) => {
  const bytes = Buffer.from(body);
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const chunks = [...bytes].map((byte) =>
    Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]),
  );
  return writes(
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${head}\r\n`,
    ...chunks,
    '0\r\n\r\n',
  );
};

t.test(
  'a token that an answer repeats does not reach the caller, whatever the status',
  async (t) => {
    const { upstream, proxy, call } = await setUp(t);
    for (const status of [200, 401, 403, 404, 500, 502]) {
      upstream.script(answers(status, echo, [['Content-Type', 'text/html']]));
      t.match(await call(), { status, text: scrubbed, whole: true });
    }
    t.match(await proxy.requestLine(5), {
      scrubbed: 1,
      'upstream.response.body.size': echo.length,
    });
    t.equal((await proxy.requestLine())['http.response.body.size'], scrubbed.length);
  },
);

t.test(
  'a small answer keeps its length; what told of its bytes goes where it changed',
  async (t) => {
    const { upstream, proxy, call } = await setUp(t);
    const told = [
      ['ETag', '"a"'],
      ['Digest', 'x'],
      ['Content-Digest', 'x'],
      ['Repr-Digest', 'x'],
      ['Content-MD5', 'x'],
    ] as const;
    upstream.script(answers(200, echo, told));
    const changed = await call();
    t.strictSame(changed.all('content-length'), [String(scrubbed.length)]);
    for (const [name] of told) t.strictSame(changed.all(name), [], name);
    upstream.script(answers(200, 'clean', [...told, ['Accept-Ranges', 'bytes']]));
    const clean = await call();
    t.match(clean, { text: 'clean', whole: true });
    t.strictSame(clean.all('content-length'), ['5']);
    for (const [name, value] of told) t.strictSame(clean.all(name), [value], name);
    t.strictSame(clean.all('accept-ranges'), []);
    t.notOk('scrubbed' in (await proxy.requestLine(1)));
    const large = Buffer.alloc(70_000, 'x');
    upstream.script(answers(200, large, told));
    const streamed = await call();
    t.strictSame(streamed.body, large);
    for (const [name] of [...told, ['Content-Length']]) t.strictSame(streamed.all(name), [], name);
  },
);

t.test('no header has it, and the reason is never passed on', async (t) => {
  const { upstream, proxy, call } = await setUp(t);
  upstream.script(
    writes(
      `HTTP/1.1 200 ${token}\r\nContent-Length: 2\r\nX-Echo: Bearer ${token}\r\nX-Many: a\r\n`,
      `X-Many: ${encodeURIComponent(token)}\r\nLocation: /?k=${token}\r\nSet-Cookie: k=${token}\r\n`,
      `WWW-Authenticate: Key realm="${Buffer.from(token).toString('base64')}"\r\nX-Kept: caf\xe9\r\n`,
      `Via: 1.1 ${token}\r\nContent-Security-Policy: ${token}\r\nProxy-Status: ${token}\r\n\r\nok`,
    ),
  );
  const given = await call();
  t.match(given, { status: 200, text: 'ok' });
  t.strictSame(given.all('x-echo'), ['Bearer [redacted]']);
  t.strictSame(given.all('x-many'), ['a', '[redacted]']);
  t.strictSame(given.all('location'), [`${upstream.url}/?k=[redacted]`]);
  t.strictSame(given.all('x-kept'), ['caf\xe9']);
  t.strictSame(given.all('via'), ['1.1 [redacted], 1.1 secureproxy']);
  t.strictSame(findLeaks(JSON.stringify(given.rawHeaders), { token }), []);
  t.equal((await proxy.requestLine()).scrubbed, 8);
});

t.test('the parser of links puts no token together', async (t) => {
  const fields = { token: 'MadeUp/Token12/3456' };
  const { upstream, call } = await setUp(t, {}, fields);
  const wide = [...'MadeUpToken123456'].map((char) =>
    encodeURIComponent(String.fromCharCode(char.charCodeAt(0) + 0xfee0)),
  );
  for (const link of [
    `https://${wide.join('')}.example/`,
    `//${decodeURIComponent(wide.join(''))}.example/`,
    '/MadeUp/./Token12/x/../3456',
    '/MadeUp/%2e/Token12/%2E/3456',
    'https://MadeUp\xadToken123456.example/',
  ]) {
    const value = Buffer.from(link).toString('latin1');
    upstream.script(
      answers(201, 'ok', [
        ['Location', value],
        ['Content-Location', value],
        ['Link', `<${value}>; rel=next`],
        ['X-Kept', 'b'],
      ]),
    );
    const given = await call();
    t.match(given, { status: 201, text: 'ok' });
    t.strictSame([...given.all('location'), ...given.all('content-location')], [], link);
    t.notMatch(JSON.stringify(given.rawHeaders), /MadeUp\/?Token12/i, link);
    t.strictSame(given.all('x-kept'), ['b']);
  }
  upstream.script(answers(201, 'ok', [['Location', '/MadeUp/./Token13/x/../3456']]));
  t.strictSame((await call()).all('location'), [`${upstream.url}/MadeUp/Token13/3456`]);
});

t.test('a header whose name is the token is dropped', async (t) => {
  const { upstream, call } = await setUp(t, {}, { token: 'MadeUp-Token-1' });
  upstream.script(
    answers(200, 'ok', [
      ['X-MadeUp-Token-1', 'a'],
      ['MadeUp-Token-1', 'a'],
      ['X-Kept', 'b'],
    ]),
  );
  const given = await call();
  t.notMatch(JSON.stringify(given.rawHeaders), /madeup-token-1/i);
  t.strictSame(given.all('x-kept'), ['b']);
});

t.test('trailers do not come back', async (t) => {
  const { upstream, start } = await setUp(t);
  upstream.script(
    writes(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Key\r\n\r\n',
      `2\r\nok\r\n0\r\nX-Key: ${token}\r\n\r\n`,
    ),
  );
  const message = await start().answered;
  t.match(await readAnswer(message), { text: 'ok', whole: true });
  t.strictSame(message.trailers, {});
});

const encoders = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  Br: brotliCompressSync,
} as const;
for (const [coding, encode] of Object.entries(encoders)) {
  t.test(`an answer in ${coding} is decoded and searched, however it is cut`, async (t) => {
    const { upstream, call } = await setUp(t);
    const headers: [string, string][] = [
      ['Content-Encoding', coding],
      ['ETag', '"a"'],
    ];
    const whole = encode(echo);
    for (const script of [answers(200, whole, headers), chunked(whole, ...headers)]) {
      upstream.script(script);
      const given = await call();
      t.match(given, { status: 200, text: scrubbed, whole: true });
      for (const name of ['content-encoding', 'content-length', 'etag'])
        t.strictSame(given.all(name), []);
    }
    // Cut short, or something else: nothing was sent yet, so it is a plain error.
    for (const broken of [whole.subarray(0, 12), Buffer.from('{"no":"coding"}')]) {
      upstream.script(answers(200, broken, headers));
      const given = await call();
      t.match(given, { status: 502, problem: { reason: 'content_broken' } });
      t.strictSame(given.all('proxy-status'), ['secureproxy; error=http_response_content_coding']);
    }
    upstream.script(answers(200, '', headers));
    t.match(await call(), { status: 200, text: '', whole: true });
  });
}

t.test('deflate without its header is decoded, too', async (t) => {
  const { upstream, call } = await setUp(t);
  upstream.script(answers(200, deflateRawSync(echo), [['Content-Encoding', 'deflate']]));
  t.match(await call(), { text: scrubbed, whole: true });
});

t.test('an answer that cannot be searched is refused', async (t) => {
  const { upstream, call } = await setUp(t);
  for (const coding of ['zstd', 'compress', 'gzip, gzip', 'gzip, zstd', 'aes128gcm', 'gzip;x']) {
    upstream.script(answers(200, echo, [['Content-Encoding', coding]]));
    const given = await call();
    t.match(given, {
      status: 502,
      problem: { code: 'upstream_invalid', reason: 'content_coding' },
    });
    t.notMatch(given.text, 'made-up');
  }
  for (const [status, headers] of [
    [206, []],
    [206, [['Content-Range', 'bytes 0-9/99']]],
    [200, [['Content-Type', 'multipart/byteranges; boundary=x']]],
  ] as const) {
    upstream.script(answers(status, 'made-up', headers));
    const given = await call();
    t.match(given, { status: 502, problem: { reason: 'partial_content' } });
  }
  const packed = gzipSync(echo);
  upstream.script(
    writes(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
      `${packed.length.toString(16)}\r\n`,
      packed,
      '\r\n0\r\n\r\n',
    ),
  );
  t.match(await call(), { status: 502, problem: { code: 'upstream_invalid' } });
});

t.test('answers without a body lose Content-Encoding, and are not rejected', async (t) => {
  const { upstream, call } = await setUp(t);
  for (const coding of ['gzip', 'zstd']) {
    const head = `Content-Encoding: ${coding}\r\nETag: "a"\r\nX-Echo: ${token}\r\n\r\n`;
    for (const [status, Method] of [
      [204, 'GET'],
      [304, 'GET'],
      [200, 'HEAD'],
    ] as const) {
      const length = Method === 'HEAD' ? 'Content-Length: 99\r\n' : '';
      upstream.script(writes(`HTTP/1.1 ${status} OK\r\n${length}${head}`));
      const given = await call({ Method });
      t.match(given, { status, text: '', whole: true });
      t.strictSame(given.all('etag'), ['"a"']);
      t.strictSame(given.all('content-encoding'), []);
      t.strictSame(given.all('x-echo'), ['[redacted]']);
    }
  }
});

t.test('asks upstream only for answers that can be searched', async (t) => {
  const { upstream, call } = await setUp(t);
  for (const [accepted, asked] of [
    [undefined, []],
    ['gzip, deflate, br, zstd', ['gzip, deflate, br, identity']],
    ['zstd', ['identity']],
    ['*', ['gzip, deflate, br, identity']],
    ['gzip;q=0, *;q=0.5', ['deflate, br, identity']],
    ['X-GZIP ; q=0.000, BR;q=1', ['br, identity']],
    [['br', 'zstd, gzip'], ['gzip, br, identity']],
  ] as const) {
    upstream.requests.length = 0;
    const Headers = accepted === undefined ? {} : { 'aCCept-encoding': accepted };
    await call({ Headers: { ...Headers, Range: 'bytes=0-9', 'If-Range': '"a"', 'X-Kept': 'a' } });
    const request = upstream.only();
    t.strictSame(request.all('accept-encoding'), asked);
    for (const name of ['range', 'if-range']) t.strictSame(request.all(name), []);
    t.strictSame(request.all('x-kept'), ['a']);
  }
});

t.test('a compression bomb is cut, and takes no memory on the way', async (t) => {
  const { upstream, proxy, call } = await setUp(t);
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  upstream.script(answers(200, bomb, [['Content-Encoding', 'gzip']]));
  const given = await call();
  t.match(given, { status: 200, whole: false });
  t.ok(given.body.length <= 16 * 1024 * 1024, `${given.body.length} bytes`);
  t.match(await proxy.requestLine(), {
    'error.type': 'upstream_invalid',
    'error.reason': 'content_dense',
    'upstream.response.status_code': 200,
  });
  upstream.script(answers(200, 'ok'));
  t.match(await call(), { status: 200, text: 'ok' });
});

t.test('a caller that does not read stops a decoded answer, too', async (t) => {
  const { upstream, start } = await setUp(t);
  // Dense, but less so than a bomb; gzip may have any number of members.
  const piece = Buffer.from(Array.from({ length: 40_000 }, (_, i) => `${i * 7919} `).join(''));
  const packed = gzipSync(piece);
  const times = 400;
  let sent = 0;
  upstream.script((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n');
    socket.write(`Content-Length: ${packed.length * times}\r\n\r\n`);
    const send = () => {
      while (sent < times) {
        sent++;
        if (!socket.write(packed)) return;
      }
    };
    socket.on('drain', send);
    send();
  });
  const message = await start().answered;
  // Nothing is read, so the upstream's output stalls.
  let last = -1;
  for (let same = 0; same < 10; ) {
    await sleep(50);
    same = sent === last ? same + 1 : 0;
    last = sent;
  }
  t.ok(sent < times / 2, `${sent} of ${times} were taken`);
  let received = 0;
  for await (const chunk of message) received += (chunk as Buffer).length;
  t.equal(received, piece.length * times);
});

t.test('a caller that hangs up amid a decoded answer cancels the call', async (t) => {
  const { upstream, proxy, start } = await setUp(t);
  const packed = gzipSync(Buffer.alloc(8_000_000, 'abcdefgh'));
  upstream.script(
    writes('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99999\r\n\r\n', packed),
  );
  const { request, answered } = start();
  await once(await answered, 'data');
  request.destroy();
  await until(() => upstream.open.size === 0);
  t.match(await proxy.requestLine(), { 'error.reason': 'caller_gone' });
});

t.test('an answer that breaks off never looks complete', async (t) => {
  const { upstream, proxy, call } = await setUp(t);
  upstream.script(writesAndEnds('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort'));
  t.match(await call(), { status: 502, whole: true, problem: { code: /^upstream_/ } });
  const long = 'x'.repeat(2000);
  upstream.script(writesAndEnds(`HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n${long}`));
  t.match(await call(), { status: 200, whole: false });
  t.match(await proxy.requestLine(1), { 'error.type': /^upstream_/ });
  upstream.script(answers(200, 'ok'));
  t.match(await call(), { status: 200, text: 'ok', whole: true });
});

t.test('streams a long answer, except for its last bytes', async (t) => {
  const { upstream, start } = await setUp(t);
  let socket: Socket | undefined;
  upstream.script((s) => {
    socket = s;
    s.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n');
    s.write(`${'x'.repeat(2000)}\r\n`);
  });
  const message = await start().answered;
  let received = '';
  for await (const piece of message) {
    received += String(piece);
    if (socket !== undefined) {
      t.ok(received.length > 1000 && received.length < 2000, `${received.length} bytes`);
      socket.write(`17\r\n${token}\r\n0\r\n\r\n`);
      socket = undefined;
    }
  }
  t.equal(received, `${'x'.repeat(2000)}[redacted]`);
});

t.test('a basic credential is searched for as it is sent', async (t) => {
  const injection = { scheme: 'basic', username: '{login}', password: '{pin}' } as const;
  const { upstream, call } = await setUp(t, { injection }, { login: 'shop-17', pin: 'pin-4711' });
  upstream.script((socket, request) =>
    socket.write(answer(200, `${request.all('authorization')} shop-17:pin-4711 shop-17 pin-4711`)),
  );
  t.equal((await call()).text, 'Basic [redacted]Q== [redacted] shop-17 pin-4711');
});

t.test('fields that are public, or short, go through', async (t) => {
  const fields = { token, client_id: 'client-number-4711', pin: '12345678901' };
  const text = `${fields.client_id} ${fields.pin} ${token}`;
  const { upstream, call } = await setUp(t, { publicFields: ['client_id'] }, fields);
  upstream.script(answers(200, text));
  t.equal((await call()).text, `${fields.client_id} ${fields.pin} [redacted]`);
  const other = await setUp(t, {}, fields);
  other.upstream.script(answers(200, text));
  t.equal((await other.call()).text, `[redacted] ${fields.pin} [redacted]`);
});

t.test('with scrub: false everything goes through', async (t) => {
  const { upstream, call } = await setUp(t, { scrub: false });
  upstream.script(
    answers(206, gzipSync(echo), [
      ['Content-Encoding', 'gzip'],
      ['X-Echo', token],
    ]),
  );
  const given = await call({ Headers: { 'Accept-Encoding': 'zstd', Range: 'bytes=0-9' } });
  t.strictSame(given.body, gzipSync(echo));
  t.strictSame(given.all('x-echo'), [token]);
  t.strictSame(upstream.only().all('accept-encoding'), ['zstd']);
  t.strictSame(upstream.only().all('range'), ['bytes=0-9']);
});

for (const scrub of [true, false]) {
  t.test(
    `a credential that the upstream makes does not reach the caller (scrub: ${scrub})`,
    async (t) => {
      const { upstream, proxy, call } = await setUp(t, { scrub, redactMembers: ['access_token'] });
      const minted = '{"data":{"access\\u005ftoken":"made-up-new","expires_in":3600}}';
      const kept = '{"data":{"access\\u005ftoken":"[redacted]","expires_in":3600}}';
      for (const status of [200, 400]) {
        for (const type of ['application/json', 'text/html']) {
          for (const script of [
            answers(status, minted, [['Content-Type', type]]),
            answers(status, gzipSync(minted), [['Content-Encoding', 'gzip']]),
          ]) {
            upstream.script(script);
            t.match(await call(), { status, text: kept, whole: true });
          }
        }
      }
      upstream.script(chunked(minted));
      t.match(await call(), { status: 200, text: kept, whole: true });
      upstream.script(answers(200, 'scope=a&access_token=made-up-new'));
      t.equal((await call()).text, 'scope=a&[redacted]');
      upstream.script(
        answers(302, '', [['Location', 'https://shop.example/#access_token=made-up']]),
      );
      t.strictSame((await call()).all('x-upstream-location'), ['https://shop.example/#[redacted]']);
      t.equal((await proxy.requestLine()).scrubbed, 1);
    },
  );
}

t.test('an answer that announces at most 64 KiB keeps its length', async (t) => {
  const { upstream, call } = await setUp(t);
  for (const [length, isKept] of [
    [65_536, true],
    [65_537, false],
  ] as const) {
    upstream.script(answers(200, 'x'.repeat(length)));
    const given = await call();
    t.equal(given.text.length, length);
    t.same(given.all('content-length'), isKept ? [String(length)] : [], String(length));
  }
});
