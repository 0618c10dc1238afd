import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import type { Policy } from '../../../shared/policy/schema.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { begin, readAnswer, releaseOf, someAppKey, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { answers, startUpstream } from '../../support/upstream.ts';
import { exchange, startWireUpstream } from '../../support/wire.ts';

const head = (fields: string, line = 'POST /forward/c/t/v1') =>
  `${line} HTTP/1.1\r\nhost: localhost\r\nkey: ${someAppKey}\r\n${fields}\r\n\r\n`;

/** A proxy that hears of a change while it makes its first connection. */
async function setUpChange(t: Test) {
  const upstream = await startUpstream(t);
  let looks = 0;
  let asked = 0;
  const proxy = await startProxy(t, {
    obtain: async () => {
      asked += 1;
      return releaseOf({ destinations: [upstream.url], scrub: false });
    },
    lookup: async () => {
      looks += 1;
      if (looks === 1) proxy.known.revoke();
      return ['127.0.0.1'];
    },
  });
  return { upstream, proxy, asked: () => asked };
}

t.test('a body is sent whole if a change became known while a connection was made', async (t) => {
  for (const size of [10, 200_000]) {
    const { upstream, proxy, asked } = await setUpChange(t);
    const body = 'x'.repeat(size);
    const bytes = head(`content-length: ${size}`) + body;
    t.match(await exchange(proxy.port, { bytes }), { start: /200/ });
    t.equal(upstream.only().body.toString(), body);
    t.equal(asked(), 2);
  }
  const { upstream, proxy } = await setUpChange(t);
  const bytes = head('content-length: 2\r\nexpect: 100-continue');
  t.match(await exchange(proxy.port, { bytes, afterContinue: 'ab' }), { start: /200/ });
  t.equal(upstream.only().body.toString(), 'ab');
});

t.test('no way to end such an upload ends the process', async (t) => {
  for (const rest of [undefined, ` ${someAppKey} `]) {
    const { upstream, proxy, asked } = await setUpChange(t);
    const socket = connect(proxy.port, '127.0.0.1').on('error', () => {});
    socket.write(`${head('content-length: 100')}abc`);
    await until(() => asked() === 2);
    if (rest === undefined) socket.destroy();
    else socket.write(rest);
    const { 'error.reason': reason } = await proxy.requestLine();
    t.equal(reason, rest === undefined ? 'caller_gone' : 'app_key_misplaced');
    socket.destroy();
    const bytes = head('content-length: 2');
    t.match(await exchange(proxy.port, { bytes: `${bytes}ab` }), { start: /200/ });
    t.equal(upstream.requests.at(-1)?.body.toString(), 'ab');
  }
});

t.test('the time of a request bounds a body that is not passed on yet', async (t) => {
  const upstream = await startUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url], scrub: false }),
  });
  /** Resolves to the answer's first line; the rest of the body is sent once Node has said that time is up. */
  const overdue = async (fields: string, isAwaited: () => boolean) => {
    const socket = connect(proxy.port, '127.0.0.1').on('error', () => {});
    const requested = once(proxy.server, 'request');
    socket.write(`POST /forward/c/t/v1 HTTP/1.1\r\nhost: localhost\r\n${fields}\r\n\r\n{`);
    const [{ socket: accepted }] = await requested;
    await until(isAwaited);
    const timeout = Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    proxy.server.emit('clientError', timeout, accepted);
    socket.write('}');
    const [bytes] = await once(socket, 'data');
    socket.destroy();
    return String(bytes).split('\r\n', 1)[0];
  };
  const fields = 'content-type: application/json\r\ncontent-length: 2';
  const isSent = () => upstream.connections() === 1;
  t.match(await overdue(`${fields}\r\nkey: ${someAppKey}`, isSent), '200');
  t.match(await overdue(fields, () => true), '400', 'searched for a key');
});

t.test('a streamed body is sent once, whatever the type repeats', async (t) => {
  const upstream = await startUpstream(t);
  const policy = { scrub: false, retry: { methods: ['POST'] } } satisfies Partial<Policy>;
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url], ...policy }),
  });
  upstream.script(answers(503));
  t.match(await exchange(proxy.port, { bytes: `${head('content-length: 2')}ab` }), {
    start: /503/,
  });
  t.equal(upstream.only().body.toString(), 'ab');
});

t.test('a body that ends like the beginning of a key arrives whole', async (t) => {
  const upstream = await startUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url], scrub: false }),
  });
  for (const body of ['keys', 'a %', 'b spk_abc', 'c \\']) {
    const bytes = head(`content-length: ${body.length}`) + body;
    t.match(await exchange(proxy.port, { bytes }), { start: /200/ });
    t.equal(upstream.requests.at(-1)?.body.toString(), body);
  }
});

t.test('a body with another transfer coding is refused', async (t) => {
  const upstream = await startUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url], scrub: false }),
  });
  const ask = (coding: string) =>
    exchange(proxy.port, {
      bytes: `${head(`transfer-encoding: ${coding}`)}2\r\nab\r\n0\r\n\r\n`,
    });
  t.match((await ask('gzip, chunked')).body.toString(), 'transfer_coding');
  t.equal(upstream.requests.length, 0);
  t.match(await ask('Chunked'), { start: /200/ });
});

t.test(
  'the unread rest of a long body ends its connection, that of a short one does not',
  async (t) => {
    const upstream = await startWireUpstream(t);
    const proxy = await startProxy(t, {
      obtain: async () =>
        releaseOf({ destinations: [`http://localhost:${upstream.port}`], scrub: false }),
    });
    for (const [length, connection] of [
      [10_000_000, 'close'],
      [1000, 'keep-alive'],
    ] as const) {
      upstream.next((socket) => void socket.end('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno'));
      const socket = connect(proxy.port, '127.0.0.1').on('error', () => {});
      t.teardown(() => socket.destroy());
      socket.write(`${head(`content-length: ${length}`)}begun`);
      const [bytes] = await once(socket, 'data');
      t.match(
        bytes.toString('latin1'),
        new RegExp(`403[^]*\r\nconnection: ${connection}\r\n`, 'i'),
      );
    }
  },
);

t.test('a call that runs is judged by the URL that was sent', async (t) => {
  const upstream = await startWireUpstream(t);
  const other = await startUpstream(t);
  let destinations = [`http://localhost:${upstream.port}`];
  let seq = 1;
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations, scrub: false }, { seq }),
  });
  const announce = (...changes: Parameters<typeof proxy.known.take>[0]['changes']) =>
    proxy.known.take({ seq, changes, ageMs: 0 }, performance.now());
  announce();
  upstream.next((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na'));
  const { answered } = begin(`${proxy.url}/forward/c/t/v1`, { headers: ['key', someAppKey] });
  const answering = readAnswer(await answered);
  // The reference would be one of the other destination now.
  destinations = [other.url];
  seq += 1;
  announce({ seq, kind: 'type', id: 't' });
  await proxy.running.check();
  t.match(await answering, { text: 'a', whole: false });
  t.match(await proxy.requestLine(), { 'error.reason': 'taken_away' });
});

t.test('a caller that does not read loses its connection', async (t) => {
  const upstream = await startWireUpstream(t);
  const proxy = await startProxy(t, {
    obtain: async () =>
      releaseOf({ destinations: [`http://localhost:${upstream.port}`], scrub: false }),
    settings: { UPSTREAM_BODY_TIMEOUT_MS: '500' },
  });
  const ask = (size: number) => {
    upstream.next((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size));
    });
    const socket = connect(proxy.port, '127.0.0.1').on('error', () => {});
    t.teardown(() => socket.destroy());
    socket.pause().write(head('connection: close', 'GET /forward/c/t/v1'));
  };
  ask(64_000_000);
  const { 'error.reason': reason, 'http.response.body.size': taken } = await proxy.requestLine();
  t.equal(reason, 'caller_gone');
  // The ends of some of these fit into no buffer of the system, and wait in the process.
  for (let i = 0; i < 20; i += 1) {
    ask(Number(taken) - i * 8192);
    await proxy.requestLine(i + 1);
  }
  await pollUntil('all were cut', proxy.connections, (count) => count === 0);
});
