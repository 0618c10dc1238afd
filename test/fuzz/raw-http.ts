import { connect } from 'node:net';
import fc from 'fast-check';
import type { Test } from 'tap';
import { startPair } from '../support/pair.ts';
import { showAuthorization, startPlainUpstream } from '../support/plain-upstream.ts';
import { type HttpInput, Sender } from './inputs/http-input.ts';
import { type FuzzSize, runInputs } from './run-inputs.ts';
import { checkState, measureState, smallHeap } from './service-state.ts';

const latin1 = fc.integer({ min: 0, max: 0xff }).map((unit) => String.fromCharCode(unit));

/** Bytes of a request, as latin1 text: lines of HTTP, most of them sound, in any order. */
const bytes = fc
  .record({
    start: fc.oneof(
      fc
        .tuple(
          fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'CONNECT', 'PRI', 'get', ''),
          fc.oneof(
            fc.constantFrom('/', '/request_api', '/public_key', '/healthz', '*', 'http://a/', '//'),
            fc.stringMatching(/^\/[\x21-\xff]{0,40}$/),
          ),
          fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'http/1.1', ''),
        )
        .map((parts) => parts.join(' ')),
      fc.string({ unit: 'binary-ascii', maxLength: 40 }),
      fc.constantFrom(
        'PRI * HTTP/2.0',
        '\u0016\u0003\u0001\u0002\u0000',
        'GET / HTTP/1.1\nHost: a',
      ),
    ),
    lines: fc.array(
      fc.oneof(
        fc.constantFrom(
          ...[
            'Host: localhost',
            'Host:',
            'Host: a\r\nHost: b',
            'Content-Length: 2',
            'Content-Length: -1',
          ],
          ...['Content-Length: 2\r\nContent-Length: 3', 'Content-Length: 99999999999999999999'],
          ...[
            'Transfer-Encoding: chunked',
            'Transfer-Encoding: chunked, identity',
            'Connection: close',
          ],
          ...['Connection: upgrade\r\nUpgrade: websocket', 'Expect: 100-continue', 'Expect: 7'],
          ...['Content-Type: application/json', ' folded', 'no colon', ': no name', 'a b: c'],
        ),
        fc
          .tuple(fc.stringMatching(/^[!-~]{0,10}$/), fc.string({ unit: latin1, maxLength: 20 }))
          .map(([name, value]) => `${name}: ${value}`),
        fc.integer({ min: 1, max: 40_000 }).map((length) => `X-Long: ${'x'.repeat(length)}`),
      ),
      { maxLength: 5 },
    ),
    end: fc.constantFrom('\r\n\r\n', '\r\n\r\n', '\n\n', '\r\n', ''),
    body: fc.oneof(
      fc.constantFrom(
        '',
        '{}',
        '0\r\n\r\n',
        '2\r\n{}\r\n0\r\n\r\n',
        'fffffffffffffffff\r\n',
        'zz\r\n',
      ),
      fc.string({ unit: 'binary-ascii', maxLength: 40 }),
    ),
  })
  .map(({ start, lines, end, body }) => [start, ...lines].join('\r\n') + end + body);

/** All that a service answers to bytes, after which no more come, until it closes. */
async function exchange(port: number, sent: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk;
  });
  // A service that refuses early may reset what is still being sent.
  socket.on('error', () => undefined);
  socket.end(Buffer.from(sent, 'latin1'));
  await new Promise((done) => socket.once('close', done));
  return received;
}

/** Both services take any bytes for what they are, and stay as they were. */
export async function fuzzRawHttp(t: Test, size: FuzzSize): Promise<void> {
  const upstream = await startPlainUpstream(t, showAuthorization);
  const pair = await startPair(t, { upstream, keyserver: smallHeap, secureproxy: smallHeap });
  const secrets = { proxyKey: pair.proxyKey, appKey: pair.appKey, ...pair.tokens };

  for (const name of ['keyserver', 'secureproxy'] as const) {
    await t.test(`${name} takes any bytes for what they are, and stays as it was`, async (t) => {
      const service = pair[name];
      const { pid } = service.process;
      const sender = new Sender(service.origin, 1);
      t.teardown(() => sender.close());
      const good = (): HttpInput => ({ method: 'GET', path: '/readyz', headers: [] });
      const before = await measureState(service, sender, good, size.measuredCalls);
      let answered = 0;
      await runInputs(t, size, {
        title: `bytes to ${name}`,
        inputs: bytes,
        judge: async (sent) => {
          const received = await exchange(service.port, sent);
          if (received !== '') answered += 1;
          const statuses = [...received.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, code]) => code);
          if (received !== '' && statuses.length === 0) return `no HTTP: ${received}`;
          const fault = statuses.find((status) => Number(status) >= 500);
          if (fault !== undefined) return `status ${fault}: ${received}`;
          const leaked = Object.entries(secrets).find(([, secret]) => received.includes(secret));
          return leaked && `${leaked[0]} in the answer`;
        },
        secrets: Object.values(secrets),
      });
      t.comment(`${answered} were answered`);
      t.ok(answered >= size.inputs / 2, 'most are answered');
      const after = await measureState(service, sender, good, size.measuredCalls);
      checkState(t, service, pid, { before, after }, secrets);
    });
  }
}
