import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { KeyserverHttp } from '../../../secureproxy/keyserver-client/http.ts';
import { systemClock } from '../../../shared/clock.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';
import { startUpstream, writes, writesAndEnds } from '../../support/upstream.ts';

/** For calls that end by it. */
const shortMs = 300;

function newHttp(t: Test, timeoutMs = 30_000): KeyserverHttp {
  const http = new KeyserverHttp({ connections: 4, timeoutMs });
  t.teardown(() => http.close());
  return http;
}

async function serve(t: Test, listener: RequestListener, port = 0): Promise<URL> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a?b=c`);
}

const unreachable = { code: 'keyserver_unavailable', options: { reason: 'keyserver_unreachable' } };

t.test('posts JSON with the trace headers, and gives status and JSON back', async (t) => {
  const upstream = await startUpstream(t);
  upstream.script(writes('HTTP/1.1 418 Some\r\nContent-Length: 7\r\n\r\n{"a":1}'));
  const url = new URL(`${upstream.url}/a?b=c`);
  const answer = await newHttp(t).post(url, () => '{"x":1}', { 'x-request-id': 'id' });
  t.strictSame(answer, { status: 418, body: { a: 1 } });
  const request = upstream.only();
  t.equal(request.head.split('\r\n')[0], 'POST /a?b=c HTTP/1.1');
  t.strictSame(request.all('content-type'), ['application/json']);
  t.strictSame(request.all('x-request-id'), ['id']);
  t.equal(request.body.toString(), '{"x":1}');
});

t.test('an answer that is not JSON has no body', async (t) => {
  const url = await serve(t, (_request, response) => response.end('<html>'));
  t.strictSame(await newHttp(t).post(url, () => '{}', {}), { status: 200, body: undefined });
});

t.test('tells why an attempt failed, not that the timeout cut the next one', async (t) => {
  for (const [leftMs, told] of [
    [100, /other side closed|ECONNRESET/],
    [200, /no whole answer in time/],
  ] as const) {
    const upstream = await startUpstream(t);
    let now = 0;
    const clock = mock.method(systemClock, 'monotonic', () => now);
    t.teardown(() => clock.mock.restore());
    upstream.script((socket) => {
      // Behind the deadline, so that no attempt follows the second one.
      now = upstream.requests.length === 1 ? 1000 - leftMs : 2000;
      if (upstream.requests.length === 1) socket.resetAndDestroy();
    });
    const answered = newHttp(t, 1000).post(new URL(upstream.url), () => '{}', {});
    const error = await answered.catch((error) => error);
    t.match(error, unreachable);
    t.match(String(error.cause), told);
    clock.mock.restore();
  }
});

t.test('follows no redirect', async (t) => {
  let calls = 0;
  const url = await serve(t, (_request, response) => {
    calls += 1;
    response.writeHead(307, { location: '/elsewhere' }).end('{}');
  });
  t.equal((await newHttp(t).post(url, () => '{}', {})).status, 307);
  t.equal(calls, 1);
});

t.test('tries a broken connection again, with a new body each time', async (t) => {
  const upstream = await startUpstream(t);
  upstream.script((socket) => {
    if (upstream.requests.length < 3) socket.resetAndDestroy();
    else
      writes('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')(
        socket,
        upstream.requests[0] as never,
      );
  });
  let made = 0;
  const url = new URL(upstream.url);
  let retries = 0;
  const makeBody = () => `{"n":${made++}}`;
  const answer = await newHttp(t).post(
    url,
    makeBody,
    {},
    {
      onRetry: () => {
        retries += 1;
      },
    },
  );
  t.equal(answer.status, 200);
  t.equal(retries, 2);
  t.strictSame(
    upstream.requests.map(({ body }) => body.toString()),
    ['{"n":0}', '{"n":1}', '{"n":2}'],
  );
});

t.test('waits for a server that is just starting', async (t) => {
  const port = await freePort();
  const http = newHttp(t);
  let retries = 0;
  const answered = http.post(
    new URL(`http://127.0.0.1:${port}/`),
    () => '{}',
    {},
    {
      onRetry: () => {
        retries += 1;
      },
    },
  );
  await until(() => retries > 0);
  t.match(http.fault, unreachable);
  await serve(t, (_request, response) => response.end('{}'), port);
  t.equal((await answered).status, 200);
  t.equal(http.fault, undefined, 'the outage is over');
});

t.test('gives up when the time is over: refused, silent, stalled', async (t) => {
  const port = await freePort();
  await t.rejects(
    newHttp(t, shortMs).post(new URL(`http://127.0.0.1:${port}/`), () => '{}', {}),
    unreachable,
  );
  const upstream = await startUpstream(t);
  for (const bytes of ['', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{']) {
    upstream.script(writes(bytes));
    await t.rejects(
      newHttp(t, shortMs).post(new URL(upstream.url), () => '{}', {}),
      unreachable,
    );
  }
});

t.test('tries no more once it is closed', async (t) => {
  const url = new URL(`http://127.0.0.1:${await freePort()}/`);
  const http = new KeyserverHttp({ connections: 1, timeoutMs: 30_000 });
  const { promise: retried, resolve } = Promise.withResolvers<void>();
  const answer = t.rejects(
    http.post(url, () => '{}', {}, { onRetry: resolve }),
    unreachable,
  );
  await retried;
  await http.close();
  const first = await Promise.race([answer.then(() => 'ended'), sleep(10_000, 'goes on')]);
  t.equal(first, 'ended');
});

t.test('tells at a deadline why the attempts of others fail', async (t) => {
  const http = newHttp(t, 0);
  const never = new Promise<never>(() => undefined);
  const late = () => http.before(http.newDeadline(), never);
  await t.rejects(late(), { ...unreachable, cause: { message: 'no whole answer in time' } });
  const url = new URL(`http://127.0.0.1:${await freePort()}/`);
  await t.rejects(
    http.post(url, () => '{}', {}, { deadline: http.newDeadline() + 1000 }),
    unreachable,
  );
  await t.rejects(late(), { ...unreachable, cause: { code: 'ECONNREFUSED' } });
});

t.test('all attempts have one time together', async (t) => {
  let passedMs = 0;
  const clock = mock.method(systemClock, 'monotonic', () => passedMs);
  t.teardown(() => clock.mock.restore());
  const upstream = await startUpstream(t);
  upstream.script((socket) => {
    // The first attempt fails late; the second has what is left, and no answer.
    if (passedMs === 0) socket.resetAndDestroy();
    passedMs = passedMs === 0 ? 29_700 : 30_000;
  });
  const answered = newHttp(t).post(new URL(upstream.url), () => '{}', {});
  const outcome = answered.catch((error) => error);
  t.match(await Promise.race([outcome, sleep(10_000, 'waits', { ref: false })]), unreachable);
  t.ok(upstream.requests.length > 1);
});

t.test('takes an answer of four megabytes, as of many changes', async (t) => {
  const text = JSON.stringify('x'.repeat(4_000_000));
  const url = await serve(t, (_request, response) => response.end(text));
  const { body } = await newHttp(t).post(url, () => '{}', {});
  t.ok(body === JSON.parse(text));
});

t.test('rejects an answer that is cut short, too large or not HTTP', async (t) => {
  const upstream = await startUpstream(t);
  for (const bytes of [
    'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}',
    `HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n"${'x'.repeat(4_999_998)}"`,
    `HTTP/1.1 200 OK\r\n\r\n"${'x'.repeat(4_999_998)}"`,
    'nonsense\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n{}`,
  ]) {
    upstream.script(writesAndEnds(bytes));
    await t.rejects(
      newHttp(t, shortMs).post(new URL(upstream.url), () => '{}', {}),
      unreachable,
    );
  }
});

t.test(
  'tries again where something in front has no KeyServer behind it, not where KeyServer refuses',
  async (t) => {
    for (const [status, body, calls] of [
      [502, 'Bad Gateway', 2],
      [503, '{"statusCode":503}', 2],
      [504, '', 2],
      [503, '{"code":"keyserver_unavailable","requestId":"a"}', 1],
      [500, '{}', 1],
      [429, '{}', 1],
    ] as const) {
      let seen = 0;
      const url = await serve(t, (_request, response) => {
        seen += 1;
        response.writeHead(seen === 1 ? status : 200).end(seen === 1 ? body : '{}');
      });
      const answer = await newHttp(t).post(url, () => '{}', {});
      t.equal(seen, calls, `${status} ${body}`);
      t.equal(answer.status, calls === 1 ? status : 200);
    }
  },
);
