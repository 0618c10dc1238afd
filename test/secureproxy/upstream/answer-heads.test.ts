import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { releaseOf, startProxy } from '../../support/proxy.ts';
import { startUpstream, writes } from '../../support/upstream.ts';

async function setUp(t: Test) {
  const upstream = await startUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url], scrub: false }),
  });
  const call = (Method = 'POST') =>
    proxy.call({ ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/`, Method });
  return { upstream, call };
}

const interim = 'HTTP/1.1 100 Continue\r\n\r\n';
const body = `${interim}X-A : 1\r\n\r\n`;
const ok = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nX-B: a : b\r\n\r\n${body}`;

const begins: Readonly<Record<string, readonly string[]>> = {
  'one 100': [interim + ok],
  'one 100 apart': [interim, ok],
  'several 100': [interim, interim + interim, ok],
  'a 100 with headers': [`HTTP/1.1 100 \r\nX-Some: 1\r\nContent-Length: 5\r\n\r\n${ok}`],
  'a 100 of HTTP/1.0 without a phrase': [`HTTP/1.0 100\r\n\r\n${ok}`],
  'a 100 between others': [
    'HTTP/1.1 102 Processing\r\n\r\n',
    `${interim}HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n`,
    ok,
  ],
  'a part of a head that has a colon behind a space': [
    ok.slice(0, ok.indexOf(' b\r\n')),
    ok.slice(ok.indexOf(' b\r\n')),
  ],
};

for (const [what, pieces] of Object.entries(begins)) {
  t.test(
    `an answer that begins with ${what} arrives whole, on a connection that stays`,
    async (t) => {
      const { upstream, call } = await setUp(t);
      upstream.script(async (socket) => {
        for (const piece of pieces) {
          socket.write(piece);
          await sleep(5);
        }
      });
      for (let i = 0; i < 3; i++) t.match(await call(), { status: 200, text: body, whole: true });
      t.equal(upstream.requests.length, 3);
      t.equal(upstream.connections(), 1);
    },
  );
}

t.test('a head may come byte by byte', async (t) => {
  const { upstream, call } = await setUp(t);
  upstream.script(async (socket) => {
    for (const byte of interim + ok) {
      socket.write(byte);
      await sleep(0);
    }
  });
  t.match(await call(), { status: 200, text: body, whole: true });
});

t.test('a 100 that nothing follows, or without an end, is no answer', async (t) => {
  const { upstream, call } = await setUp(t);
  upstream.script((socket) => void socket.end(interim));
  t.match(await call(), { status: 502, problem: { reason: 'connection_closed' } });
  upstream.script(writes(`HTTP/1.1 100 Continue\r\nX-A: ${'a'.repeat(20_000)}`));
  t.match(await call(), { status: 502 });
});

t.test('an answer that never comes, for interim ones, is invalid', async (t) => {
  const { upstream, call } = await setUp(t);
  const hint = 'HTTP/1.1 103 Early Hints\r\n\r\n';
  upstream.script(writes(hint.repeat(1000), ok));
  t.match(await call(), { status: 200, text: body, whole: true });
  upstream.script(writes(hint.repeat(1001), ok));
  t.match(await call(), { status: 502, problem: { reason: 'headers_too_large' } });
});

t.test("whitespace before a header's colon is removed", async (t) => {
  const { upstream, call } = await setUp(t);
  upstream.script(
    writes(
      'HTTP/1.1 200 OK\r\nX-A : 1\r\nX-B \t : a : b\r\nX-C: d\t:e\r\nContent-Length\t: 2\r\n\r\nok',
    ),
  );
  const answer = await call();
  t.match(answer, { status: 200, text: 'ok', whole: true });
  t.same(answer.all('x-a'), ['1']);
  t.same(answer.all('x-b'), ['a : b']);
  t.same(answer.all('x-c'), ['d\t:e']);
  upstream.script(
    writes('HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'),
  );
  t.match(await call(), { status: 200, text: 'ok', whole: true });
});

t.test('a removed space hides no second length', async (t) => {
  const { upstream, call } = await setUp(t);
  for (const other of ['Content-Length : 20', 'Transfer-Encoding : chunked']) {
    upstream.script(writes(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${other}\r\n\r\nok`));
    t.match(await call(), { status: 502, problem: { code: 'upstream_invalid' } }, other);
  }
});
