import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { begin, releaseOf, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { answer, type Script, startUpstream } from '../../support/upstream.ts';

/** An upstream that answers the first request of its first connection, and then goes on as the test says. */
async function setUp(
  t: Test,
  then: Script,
  afterwards: Script = (socket) => socket.write(ok),
  settings = {},
) {
  const upstream = await startUpstream(t);
  let names = Promise.resolve();
  upstream.script((socket, request) => {
    if (request.connection > 0) afterwards(socket, request);
    else if (upstream.requests.length === 1) socket.write(ok);
    else then(socket, request);
  });
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url], scrub: false }),
    lookup: () => names.then(() => ['127.0.0.1']),
    settings,
  });
  const members = (more: object) => ({
    ClientId: 'acme',
    TokenType: 'test',
    ApiUri: `${upstream.url}/`,
    ...more,
  });
  const call = (more: object) => proxy.call(members(more));
  t.equal((await call({ Method: 'GET' })).status, 200);
  return {
    upstream,
    proxy,
    call,
    begin: (more: object) =>
      begin(`${proxy.url}/request_api`, {
        method: 'POST',
        headers: ['content-type', 'application/json'],
        body: JSON.stringify(members(more)),
      }),
    /** No new connection comes about from now on. */
    holdNames: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      names = promise;
      t.teardown(resolve);
    },
  };
}

const ok = answer(200, 'ok');
const ends: Readonly<Record<string, Script>> = {
  'is reset': (socket) => socket.resetAndDestroy(),
  'is closed': (socket) => void socket.end(),
};

for (const [what, then] of Object.entries(ends)) {
  for (const Method of ['GET', 'HEAD', 'OPTIONS']) {
    t.test(`${Method} is sent once more if the pooled connection ${what}`, async (t) => {
      const { upstream, proxy, call } = await setUp(t, then);
      t.match(await call({ Method }), { status: 200 });
      t.same(
        upstream.requests.map(({ method, connection }) => [method, connection]),
        [
          ['GET', 0],
          [Method, 0],
          [Method, 1],
        ],
      );
      t.match(await proxy.requestLine(1), { 'upstream.retries': 1 });
      t.notOk('upstream.retries' in (await proxy.requestLine(0)));
    });
  }

  for (const call of [
    { Method: 'POST' },
    { Method: 'POST', Body: 'x' },
    { Method: 'DELETE' },
    { Method: 'PUT', Body: 'x' },
    { Method: 'GET', Body: 'x' },
  ]) {
    t.test(`${JSON.stringify(call)} is sent once if the connection ${what}`, async (t) => {
      const { upstream, call: send } = await setUp(t, then);
      t.match(await send(call), { status: 502, problem: { reason: 'connection_closed' } });
      t.equal(upstream.requests.length, 2);
    });
  }

  t.test(`the second one is the last, even if it ${what}, too`, async (t) => {
    const { upstream, proxy, call } = await setUp(t, then, then);
    t.match(await call({ Method: 'GET' }), {
      status: 502,
      problem: { reason: 'connection_closed' },
    });
    t.equal(upstream.requests.length, 3);
    t.match(await proxy.requestLine(1), { 'upstream.retries': 1 });
  });
}

t.test('nothing is sent again on a new connection, or once a byte has come', async (t) => {
  const upstream = await startUpstream(t);
  upstream.script((socket) => socket.resetAndDestroy());
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url] }),
  });
  const first = await proxy.call({
    ClientId: 'acme',
    TokenType: 'test',
    ApiUri: `${upstream.url}/`,
    Method: 'GET',
  });
  t.match(first, { status: 502, problem: { reason: 'connection_closed' } });
  t.equal(upstream.requests.length, 1);
  for (const begun of ['H', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Some\r\n\r\n']) {
    const later = await setUp(t, (socket) => void socket.end(begun));
    t.match(await later.call({ Method: 'GET' }), { status: 502 }, begun);
    t.equal(later.upstream.requests.length, 2);
  }
});

t.test('an upstream that is merely late gets the request once', async (t) => {
  const { upstream, call } = await setUp(t, () => undefined, undefined, {
    UPSTREAM_HEADERS_TIMEOUT_MS: '1000',
  });
  t.match(await call({ Method: 'GET' }), {
    status: 504,
    problem: { reason: 'headers_timeout' },
  });
  t.equal(upstream.requests.length, 2);
});

t.test('the second one is within the time of the call', async (t) => {
  const { upstream, call } = await setUp(
    t,
    (socket) => socket.resetAndDestroy(),
    () => undefined,
  );
  t.match(await call({ Method: 'GET', TimeoutMs: 1500 }), {
    status: 504,
    problem: { reason: 'total_timeout' },
  });
  t.equal(upstream.requests.length, 3);
});

/** Longer than a test takes. */
const patient = { UPSTREAM_CONNECT_TIMEOUT_MS: '600000' };

t.test('the time of the call bounds the new connection, too', async (t) => {
  const { call, holdNames } = await setUp(t, (socket) => socket.end(), undefined, patient);
  holdNames();
  const answered = call({ Method: 'GET', TimeoutMs: 1500 });
  t.match(await Promise.race([answered, sleep(10_000, 'late', { ref: false })]), {
    status: 504,
    problem: { reason: 'total_timeout' },
  });
});

t.test('a caller that disconnects ends the wait for the new connection', async (t) => {
  const { upstream, proxy, begin, holdNames } = await setUp(
    t,
    (socket) => socket.end(),
    undefined,
    patient,
  );
  holdNames();
  const { request } = begin({ Method: 'GET' });
  await until(() => upstream.requests.length === 2 && upstream.open.size === 0);
  request.destroy();
  t.match(await Promise.race([proxy.requestLine(1), sleep(10_000, 'late', { ref: false })]), {
    'error.reason': 'caller_gone',
  });
});
