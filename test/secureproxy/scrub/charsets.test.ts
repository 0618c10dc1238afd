import t, { type Test } from 'tap';
import type { Policy } from '../../../shared/policy/schema.ts';
import { releaseOf, startProxy } from '../../support/proxy.ts';
import { answers, startUpstream, writes } from '../../support/upstream.ts';

const token = 'made-up-token-1234567890';
const echo = `{"error":"the key ${token} is not known"}`;

async function setUp(t: Test, policy: Partial<Policy> = {}) {
  const upstream = await startUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () =>
      releaseOf({ destinations: [upstream.url], ...policy }, { fields: { token } }),
  });
  const required = { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/` };
  return { upstream, call: (more: object = {}) => proxy.call({ ...required, ...more }) };
}

const refused = { status: 502, problem: { code: 'upstream_invalid', reason: 'charset' } };

t.test('an answer is refused if its charset hides ASCII', async (t) => {
  const { upstream, call } = await setUp(t);
  for (const charset of [
    ...['utf-16', 'UTF-16LE', '"utf-16be"', 'utf-32', 'utf-7', 'unicode-1-1-utf-7', 'ucs-2'],
    ...['iso-2022-jp', 'ISO-2022-KR', 'hz-gb-2312', 'IBM037', 'ibm1047', 'cp500', 'ebcdic-us'],
  ]) {
    upstream.script(answers(200, 'x', [['Content-Type', `text/html; charset=${charset}`]]));
    t.match(await call(), refused, charset);
  }
  for (const charset of ['utf-8', 'windows-1251', 'koi8-r', 'cp866', 'ibm866', 'gbk', 'big5']) {
    upstream.script(answers(200, echo, [['Content-Type', `text/html; charset=${charset}`]]));
    t.match(await call(), { status: 200, text: '{"error":"the key [redacted] is not known"}' });
  }
});

t.test('a text that hides ASCII is refused, whatever its header says', async (t) => {
  const { upstream, call } = await setUp(t);
  const utf16 = Buffer.from(echo, 'utf16le');
  for (const [bytes, type] of [
    [utf16, 'application/json'],
    [Buffer.concat([Buffer.from('fffe', 'hex'), utf16]), 'text/plain; charset=utf-8'],
    [Buffer.from(utf16).swap16(), ''],
    [Buffer.from(`+/v8-${echo}`), 'text/html'],
  ] as const) {
    upstream.script(answers(200, bytes, type === '' ? [] : [['Content-Type', type]]));
    t.match(await call(), refused, type);
  }
});

t.test('a long one is cut off before its first byte is passed on', async (t) => {
  const { upstream, call } = await setUp(t);
  const bytes = Buffer.from(echo.repeat(3000), 'utf16le');
  upstream.script(
    writes(
      `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${bytes.length}\r\n\r\n`,
      bytes.subarray(0, 1),
      bytes.subarray(1),
    ),
  );
  await t.rejects(call(), { code: 'ECONNRESET' });
});

t.test('bytes that are no text pass', async (t) => {
  const { upstream, call } = await setUp(t);
  const image = Buffer.from('fffe0000000d49484452', 'hex');
  upstream.script(answers(200, image, [['Content-Type', 'image/x-icon']]));
  t.strictSame((await call()).body, image);
  const untyped = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
  upstream.script(answers(200, untyped));
  t.strictSame((await call()).body, untyped);
});

t.test('of two content types both count', async (t) => {
  const { upstream, call } = await setUp(t);
  const two = (second: string): [string, string][] => [
    ['Content-Type', 'application/json'],
    ['Content-Type', second],
  ];
  upstream.script(answers(200, echo, two('text/html')));
  t.match(await call(), { status: 200, text: '{"error":"the key [redacted] is not known"}' });
  upstream.script(answers(200, echo, two('text/html; charset=utf-16')));
  t.match(await call(), refused);
});

t.test('a wish for such charsets is not passed on', async (t) => {
  const { upstream, call } = await setUp(t);
  const seen: unknown[] = [];
  upstream.script((socket, request) => {
    seen.push([request.all('accept'), request.all('accept-charset')]);
    socket.end('HTTP/1.1 204 No Content\r\n\r\n');
  });
  await call({
    Headers: { Accept: 'text/csv;charset=utf-16, text/csv', 'Accept-Charset': 'utf-16' },
  });
  await call({ Headers: { Accept: 'text/csv; charset="UTF-16"' } });
  await call({ Headers: { Accept: 'text/csv; charset=utf-8, */*' } });
  t.strictSame(seen, [
    [['text/csv'], []],
    [['*/*'], []],
    [['text/csv; charset=utf-8, */*'], []],
  ]);
});

t.test('nothing of this holds for a type that is not searched', async (t) => {
  const { upstream, call } = await setUp(t, { scrub: false });
  const bytes = Buffer.from('x', 'utf16le');
  upstream.script(answers(200, bytes, [['Content-Type', 'text/html; charset=utf-16']]));
  t.strictSame((await call()).body, bytes);
});
