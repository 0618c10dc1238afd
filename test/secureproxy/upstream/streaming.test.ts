import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { begin, readAnswer, releaseOf, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { answers, startUpstream, writes } from '../../support/upstream.ts';

async function setUp(t: Test, settings: Record<string, string> = {}) {
  const upstream = await startUpstream(t);
  let release = Promise.resolve();
  const proxy = await startProxy(t, {
    obtain: async () => {
      await release;
      return releaseOf({ destinations: [upstream.url], scrub: false });
    },
    settings: { TOKEN_CACHE_SECONDS: '0', ...settings },
  });
  const required = { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/` };
  return {
    upstream,
    proxy,
    required,
    start: (more: object = {}) =>
      begin(`${proxy.url}/request_api`, {
        method: 'POST',
        headers: ['content-type', 'application/json'],
        body: JSON.stringify({ ...required, ...more }),
      }),
    holdRelease: () => {
      const held = Promise.withResolvers<void>();
      release = held.promise;
      return held.resolve;
    },
  };
}

t.test('passes an answer on while it comes in', async (t) => {
  const { upstream, start } = await setUp(t);
  let socket: Socket | undefined;
  upstream.script((s) => {
    socket = s;
    s.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
  });
  const pieces: string[] = [];
  for await (const piece of await start().answered) {
    pieces.push(String(piece));
    if (pieces.length === 1) socket?.write('6\r\nsecond\r\n0\r\n\r\n');
  }
  t.strictSame(pieces, ['first', 'second']);
});

t.test('passes the head on before there is a body', async (t) => {
  const { upstream, start } = await setUp(t);
  let socket: Socket | undefined;
  upstream.script((s) => {
    socket = s;
    s.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  });
  const message = await start().answered;
  t.equal(message.statusCode, 200);
  socket?.write('5\r\nfirst\r\n0\r\n\r\n');
  t.equal(String(Buffer.concat(await message.toArray())), 'first');
});

t.test('a caller that reads slowly slows the upstream, and gets every byte', async (t) => {
  const { upstream, start } = await setUp(t);
  const whole = 64 * 1024 * 1024;
  const piece = Buffer.alloc(64 * 1024, 'x');
  let written = 0;
  upstream.script((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${whole}\r\n\r\n`);
    const more = () => {
      while (written < whole) {
        written += piece.length;
        if (!socket.write(piece)) return;
      }
    };
    socket.on('drain', more);
    more();
  });
  const message = await start().answered;
  // Nothing is read, so the upstream's output stalls.
  let last = -1;
  for (let same = 0; same < 5; ) {
    await sleep(50);
    same = written === last ? same + 1 : 0;
    last = written;
  }
  t.ok(written < whole / 2, `${written} bytes in buffers`);
  let received = 0;
  for await (const chunk of message) received += (chunk as Buffer).length;
  t.equal(received, whole);
});

t.test('a caller may pause for longer than an upstream, within its deadline', async (t) => {
  const { upstream, start } = await setUp(t, { UPSTREAM_BODY_TIMEOUT_MS: '200' });
  const whole = 32 * 1024 * 1024;
  upstream.script(
    writes(`HTTP/1.1 200 OK\r\nContent-Length: ${whole}\r\n\r\n`, Buffer.alloc(whole)),
  );
  const message = await start().answered;
  await sleep(1000);
  const { body, whole: isWhole } = await readAnswer(message);
  t.same([body.length, isWhole], [whole, true]);
});

t.test('a caller that hangs up before the answer cancels the upstream call', async (t) => {
  const { upstream, proxy, start } = await setUp(t);
  upstream.script(() => undefined);
  const { request } = start();
  await until(() => upstream.requests.length === 1);
  request.destroy();
  await until(() => upstream.open.size === 0);
  await proxy.requestLine();
  t.match(
    proxy.log().find(({ msg }) => msg === 'request'),
    { 'error.reason': 'caller_gone' },
  );
});

t.test('a caller that hangs up amid the answer cancels the upstream call', async (t) => {
  const { upstream, proxy, start } = await setUp(t);
  upstream.script(writes('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome'));
  const { request, answered } = start();
  await once(await answered, 'data');
  request.destroy();
  await until(() => upstream.open.size === 0);
  await proxy.requestLine();
  t.match(
    proxy.log().find(({ msg }) => msg === 'request'),
    {
      'upstream.response.status_code': 200,
      'error.reason': 'caller_gone',
      'upstream.response.body.size': 4,
    },
  );
});

t.test('a caller that hung up while the release was fetched causes no upstream call', async (t) => {
  const { upstream, proxy, start, holdRelease, required } = await setUp(t);
  const letGo = holdRelease();
  const { request } = start();
  await once(request, 'finish');
  await sleep(50);
  request.destroy();
  await sleep(50);
  letGo();
  await proxy.requestLine();
  t.equal((await proxy.call(required)).status, 200);
  t.equal(upstream.requests.length, 1);
});

t.test('an upstream that is cut amid the body cuts the caller too', async (t) => {
  const { upstream, start } = await setUp(t);
  for (const framing of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    let socket: Socket | undefined;
    upstream.script((s) => {
      socket = s;
      s.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n4\r\nsome\r\n`);
    });
    const message = await start().answered;
    const reading = readAnswer(message);
    await sleep(20);
    socket?.resetAndDestroy();
    t.match(await reading, { status: 200, whole: false }, framing);
  }
  upstream.script(answers(200, 'ok'));
  t.match(await readAnswer(await start().answered), { status: 200, whole: true, text: 'ok' });
});

t.test('a call that timed out in the queue does not break what came after it', async (t) => {
  const { upstream, proxy, required } = await setUp(t, { UPSTREAM_CONNECTIONS: '1' });
  let first: Socket | undefined;
  upstream.script((socket) => {
    first ??= socket;
  });
  const blocking = proxy.call(required);
  await until(() => first !== undefined);
  // The only connection is taken, so this call is cancelled while queued.
  t.match(await proxy.call({ ...required, TimeoutMs: 30 }), {
    status: 504,
    whole: true,
    problem: { code: 'upstream_timeout', reason: 'queue_timeout' },
  });
  upstream.script(answers(200, 'ok'));
  first?.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  t.match(await blocking, { status: 200, text: 'ok' });
  t.match(await proxy.call(required), { status: 200, text: 'ok' });
  t.equal(upstream.requests.length, 2, 'the cancelled call was never sent');
});
