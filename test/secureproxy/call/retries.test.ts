import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { RetryBudget } from '../../../secureproxy/call/retries.ts';
import type { Policy } from '../../../shared/policy/schema.ts';
import { begin, releaseOf, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { answer, type Script, startUpstream } from '../../support/upstream.ts';

async function setUp(t: Test, policy: Partial<Policy>, scripts: readonly Script[]) {
  const upstream = await startUpstream(t);
  const left = [...scripts];
  upstream.script((socket, request) => (left.shift() ?? ok)(socket, request));
  const proxy = await startProxy(t, {
    obtain: async () => releaseOf({ destinations: [upstream.url], ...policy }),
  });
  const members = { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/` };
  return {
    upstream,
    proxy,
    call: (more: object = {}) => proxy.call({ ...members, Method: 'GET', ...more }),
  };
}

const ok: Script = (socket) => void socket.write(answer(200, 'ok'));
const status =
  (
    code: number,
    headers: Parameters<typeof answer>[2] = [],
    body: string | Buffer = 'no',
  ): Script =>
  (socket) =>
    void socket.write(answer(code, body, headers));

t.test('a safe request is sent again in place of an answer that passes', async (t) => {
  for (const code of [429, 502, 503, 504]) {
    for (const Method of ['GET', 'HEAD', 'OPTIONS']) {
      const { call, upstream, proxy } = await setUp(t, { retry: {} }, [
        status(code, [], Method === 'HEAD' ? '' : 'no'),
      ]);
      t.match(await call({ Method }), { status: 200 }, `${Method} ${code}`);
      t.equal(upstream.requests.length, 2);
      t.match(await proxy.requestLine(), {
        'upstream.retries': 1,
        'upstream.response.status_code': 200,
      });
    }
  }
});

t.test('it is not where the type does not say so', async (t) => {
  const cases: readonly (readonly [Partial<Policy>, object, Script])[] = [
    [{}, {}, status(503)],
    [{ retry: {} }, {}, status(500)],
    [{ retry: {} }, {}, status(404)],
    [{ retry: {} }, { Method: 'POST', Body: 'x' }, status(503)],
    [{ retry: {} }, { Method: 'DELETE' }, status(503)],
    [{ retry: { methods: ['PUT'] } }, { Method: 'POST', Body: 'x' }, status(503)],
    [{ retry: {} }, {}, status(503, [['Retry-After', '60']])],
    [{ retry: {} }, { TimeoutMs: 3000 }, status(503, [['Retry-After', '4']])],
  ];
  for (const [policy, members, script] of cases) {
    const { call, upstream, proxy } = await setUp(t, policy, [script]);
    t.match(await call(members), { status: /^[45]/, text: 'no' });
    t.equal(upstream.requests.length, 1);
    t.notOk('upstream.retries' in (await proxy.requestLine()));
  }
});

t.test('other methods are, with their bodies, where the type says so', async (t) => {
  const { call, upstream } = await setUp(t, { retry: { methods: ['POST', 'PUT'] } }, [
    status(503),
    ok,
    status(429),
  ]);
  t.match(await call({ Method: 'POST', Body: 'one' }), { status: 200 });
  t.match(await call({ Method: 'PUT', Body: 'two' }), { status: 200 });
  t.same(
    upstream.requests.map(({ method, body }) => `${method} ${body}`),
    ['POST one', 'POST one', 'PUT two', 'PUT two'],
  );
});

t.test('so often at most, and then the answer is passed on', async (t) => {
  const { call, upstream, proxy } = await setUp(
    t,
    { retry: { max: 3 } },
    Array<Script>(9).fill(status(503)),
  );
  t.match(await call(), { status: 503, text: 'no' });
  t.equal(upstream.requests.length, 4);
  t.match(await proxy.requestLine(), { 'upstream.retries': 3 });
});

t.test('an endless answer that is not wanted is cut', async (t) => {
  const endless: Script = (socket) => {
    socket.write('HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n');
    const piece = 'x'.repeat(4096);
    const timer = setInterval(() => socket.write(`1000\r\n${piece}\r\n`), 1);
    socket.once('close', () => clearInterval(timer));
  };
  const { call, upstream } = await setUp(t, { retry: {} }, [endless]);
  t.match(await call(), { status: 200 });
  while (upstream.open.size > 1) await new Promise((done) => setTimeout(done, 20));
  t.pass('its connection is closed');
});

t.test('so is one that does not end', async (t) => {
  const halts: Script = (socket) =>
    void socket.write('HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\npart');
  const { call, upstream } = await setUp(t, { retry: {} }, [halts]);
  t.match(await call(), { status: 200 });
  await until(() => upstream.open.size === 1);
});

t.test('a request of any method is sent again if no connection came about', async (t) => {
  const { call, upstream, proxy } = await setUp(t, { retry: { max: 5 } }, []);
  const { port } = upstream;
  await upstream.close();
  // A slow machine may bring the upstream back before the call comes to it, or after its last retry.
  for (let place = 0, waitMs = 50, retries: unknown; retries === undefined; place += 1) {
    const called = call({ Method: 'POST', Body: 'x' });
    await sleep(waitMs);
    const second = await startUpstream(t, { port });
    const { status } = await called;
    const sent = second.requests.map(({ body }) => String(body));
    t.same(sent, status === 200 ? ['x'] : [], `${status} after ${waitMs} ms`);
    await second.close();
    if (status === 200) retries = (await proxy.requestLine(place))['upstream.retries'];
    waitMs *= status === 200 ? 1.5 : 0.6;
  }
});

t.test('so is one that was sent before, and whose repetition found no connection', async (t) => {
  // A slow machine may bring the upstream back before the repetition.
  for (let retries: unknown = 1; retries === 1 && t.passing(); ) {
    const { call, upstream, proxy } = await setUp(t, { retry: { max: 5 } }, [status(503)]);
    const called = call();
    await until(() => upstream.requests.length === 1);
    await upstream.close();
    await sleep(150);
    const second = await startUpstream(t, { port: upstream.port });
    t.match(await called, { status: 200 });
    retries = (await proxy.requestLine())['upstream.retries'];
    await second.close();
  }
});

t.test('one that may have arrived is not', async (t) => {
  const { call, upstream } = await setUp(t, { retry: {} }, [(socket) => void socket.destroy()]);
  t.match(await call({ Method: 'POST', Body: 'x' }), {
    status: 502,
    problem: { code: 'upstream_unreachable' },
  });
  t.equal(upstream.requests.length, 1);
});

t.test('a retry counts as a call of its limits', async (t) => {
  const { call, upstream } = await setUp(t, { retry: {}, limits: ['2/h burst 2'] }, [
    status(503),
    ok,
  ]);
  t.match(await call(), { status: 200 });
  t.match(await call(), { status: 429, problem: { reason: 'limit_reached' } });
  t.equal(upstream.requests.length, 2);
});

t.test('the first request gives back its slot', async (t) => {
  const { call } = await setUp(t, { retry: {}, limits: ['1 at once'] }, [status(503), ok]);
  t.match(await call(), { status: 200 });
});

/** Retries that a caller gets whose calls all fail. */
function failing(budget: RetryBudget, caller: string, calls: number): number {
  let retries = 0;
  for (let i = 0; i < calls; i += 1) {
    budget.earn('a', caller);
    if (budget.spend('a', caller)) retries += 1;
  }
  return retries;
}

t.test('a body that says that a limit was reached holds up the retry, too', async (t) => {
  const limitSignal = { bodies: [{ status: 503, contains: 'slow down' }] };
  const body = 'please slow down';
  for (const said of [
    status(503, [], body),
    status(503, [['Content-Encoding', 'gzip']], gzipSync(body)),
  ]) {
    const { call, upstream, proxy } = await setUp(t, { retry: {}, limitSignal }, [said]);
    t.match(await call(), { status: 200 });
    t.equal(upstream.requests.length, 2);
    t.match(await proxy.requestLine(), { 'upstream.retries': 1, limit: 'signal' });
  }
});

t.test('retries are a tenth of the calls, after the first ten', async (t) => {
  const budget = new RetryBudget();
  const retries = failing(budget, 'one', 1000);
  t.ok(retries >= 105 && retries <= 110, `${retries}`);
  t.notOk(budget.spend('b', 'one'), 'a type that nobody called');
});

t.test('no caller uses up what the calls of others have earned', async (t) => {
  const budget = new RetryBudget();
  failing(budget, 'sick', 1000);
  for (let i = 0; i < 100; i += 1) budget.earn('a', 'well');
  t.ok(failing(budget, 'sick', 100) <= 11);
  for (let i = 0; i < 8; i += 1) t.ok(budget.spend('a', 'well'), `retry ${i}`);
});

t.test('many callers, of one call each, are a type that retries a tenth', async (t) => {
  const budget = new RetryBudget();
  let retries = 0;
  for (let i = 0; i < 30_000; i += 1) retries += failing(budget, `caller-${i}`, 1);
  t.ok(retries >= 3000 && retries <= 3011, `${retries}`);
});

t.test('a date in Retry-After is of the clock of the marketplace', async (t) => {
  const date = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();
  const headers: Parameters<typeof answer>[2] = [
    ['Date', date(-3600)],
    ['Retry-After', date(-3540)],
  ];
  const { call, upstream } = await setUp(t, { retry: {} }, [status(503, headers)]);
  t.match(await call(), { status: 503 }, 'a minute is too long');
  t.equal(upstream.requests.length, 1);
});

t.test('nothing is sent or asked again for a caller that is gone', async (t) => {
  let asked = 0;
  const upstream = await startUpstream(t);
  upstream.script((socket, request) => status(503, [['Retry-After', '1']])(socket, request));
  const proxy = await startProxy(t, {
    obtain: async () => {
      asked += 1;
      return releaseOf({ destinations: [upstream.url], retry: {} }, { cacheSeconds: 0 });
    },
  });
  const members = { ClientId: 'acme', TokenType: 'test', ApiUri: upstream.url, Method: 'GET' };
  const { request } = begin(`${proxy.url}/request_api`, {
    method: 'POST',
    headers: ['content-type', 'application/json'],
    body: JSON.stringify(members),
  });
  request.on('error', () => {});
  await until(() => upstream.requests.length === 1 && upstream.open.size === 1);
  await sleep(200);
  const before = [asked, upstream.requests.length];
  request.destroy();
  t.match(await proxy.requestLine(), { 'error.reason': 'caller_gone' });
  await sleep(1500);
  t.same([asked, upstream.requests.length], before);
});
