import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { shedding } from '../../shared/shedding.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startApp } from './app.ts';

interface Limits {
  readonly maxDelayMs?: number;
  readonly maxCalls?: number;
  /** What a call of `/work?wait` waits for. */
  readonly work?: Promise<void>;
}

/** An app with a route that is shed and one that is not. */
async function setUp(t: Test, { maxDelayMs = 0, maxCalls = 1000, work }: Limits) {
  const { app, log } = await startApp(t);
  const config = { OVERLOAD_DELAY_MS: maxDelayMs, CALLS_MAX: maxCalls };
  await shedding(app, { config, proxyName: 'secureproxy' }, (scope) => {
    scope.post('/work', async ({ url }) => {
      if (url.endsWith('?wait')) await work;
      return { status: 'done' };
    });
  });
  app.post('/outside', async () => ({ status: 'done' }));
  return { app, log };
}

async function startListening(t: Test, limits: Limits) {
  const { app, log } = await setUp(t, limits);
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  const post = (path: string, init: RequestInit = {}) =>
    fetch(origin + path, { method: 'POST', ...init });
  return { post, log, port: Number(new URL(origin).port) };
}

/** Makes turns of the event loop of 80 ms for as long as the test runs, or until it is called. */
function keepBusy(t: Test): () => void {
  const timer = setInterval(() => {
    const endAt = performance.now() + 80;
    while (performance.now() < endAt);
  }, 1);
  const stop = () => clearInterval(timer);
  t.teardown(stop);
  return stop;
}

t.test('work is refused while the event loop is late, and taken again after', async (t) => {
  const { app } = await setUp(t, { maxDelayMs: 40 });
  t.equal((await app.inject({ method: 'POST', url: '/work' })).statusCode, 200);
  const stop = keepBusy(t);
  const refused = await pollUntil(
    'work is refused',
    () => app.inject({ method: 'POST', url: '/work' }),
    ({ statusCode }) => statusCode === 503,
  );
  t.equal(refused.headers['retry-after'], '1');
  t.match(refused.json(), { code: 'overloaded', reason: 'event_loop' });
  t.equal(
    (await app.inject({ method: 'POST', url: '/outside' })).statusCode,
    200,
    'such as a probe',
  );
  stop();
  await pollUntil(
    'work is taken again',
    () => app.inject({ method: 'POST', url: '/work' }),
    ({ statusCode }) => statusCode === 200,
  );
});

t.test('at 0 nothing is refused', async (t) => {
  const { app } = await setUp(t, { maxDelayMs: 0 });
  keepBusy(t);
  const endAt = performance.now() + 1500;
  const statuses = new Set<number>();
  while (performance.now() < endAt)
    statuses.add((await app.inject({ method: 'POST', url: '/work' })).statusCode);
  t.same([...statuses], [200]);
});

t.test('calls beyond CALLS_MAX are refused until one of them is over', async (t) => {
  const { promise: work, resolve: finish } = Promise.withResolvers<void>();
  const { post, log } = await startListening(t, { maxCalls: 2, work });
  const whole = post('/work?wait');
  const hangUp = new AbortController();
  const hungUp = t.rejects(post('/work?wait', { signal: hangUp.signal }));
  const refused = await pollUntil(
    'both are under way',
    () => post('/work', { headers: { 'x-request-id': 'third' }, body: 'x'.repeat(100_000) }),
    ({ status }) => status === 503,
  );
  t.equal(refused.headers.get('content-type'), 'application/problem+json');
  t.equal(refused.headers.get('retry-after'), '1');
  t.equal(refused.headers.get('x-request-id'), 'third');
  t.equal(refused.headers.get('proxy-status'), 'secureproxy; error=proxy_internal_response');
  t.match(await refused.json(), { code: 'overloaded', reason: 'calls', requestId: 'third' });
  t.equal((await post('/outside')).status, 200, 'such as a probe');
  t.equal((await post('/nowhere')).status, 404);
  hangUp.abort();
  await hungUp;
  await pollUntil(
    'who hung up made room',
    () => post('/work'),
    ({ status }) => status === 200,
  );
  finish();
  t.equal((await whole).status, 200);
  const told = () => log.lines().filter(({ msg }) => msg === 'calls refused');
  await pollUntil(
    'refusals are told',
    async () => told().length,
    (lines) => lines > 0,
  );
  t.match(told(), [{ level: 'warn', 'error.type': 'overloaded', 'error.reason': 'calls' }]);
  t.ok(Number(told()[0]?.refused) > 0);
});

t.test('who is slow to send keeps nobody out', async (t) => {
  const { post, port } = await startListening(t, { maxCalls: 1 });
  const slow = connect(port, '127.0.0.1');
  t.teardown(() => slow.destroy());
  slow.write(
    'POST /work HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  );
  await setTimeout(100);
  t.equal((await post('/work')).status, 200);
  slow.end('"a": 1 }');
  const [answer] = await once(slow, 'data');
  t.match(String(answer), /^HTTP\/1.1 200 /);
});
