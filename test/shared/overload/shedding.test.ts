import t, { type Test } from 'tap';
import type { ListenerConfig } from '../../../shared/listen/listener-settings.ts';
import { shedding } from '../../../shared/overload/shedding.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { stillTimers } from '../../support/timers.ts';
import { startApp } from '../app.ts';

/** An app with a route that is shed and one that is not. */
async function setUp(t: Test, { maxDelayMs }: { maxDelayMs: number }) {
  const { app } = await startApp(t);
  app.decorate('config', { OVERLOAD_DELAY_MS: maxDelayMs, CALLS_MAX: 1000 } as ListenerConfig);
  await shedding(app, (scope) => {
    scope.post('/work', async () => ({ status: 'done' }));
  });
  app.post('/outside', async () => ({ status: 'done' }));
  return { app };
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

t.test('a call is queued for a second', async (t) => {
  const { app } = await startApp(t);
  app.decorate('config', { OVERLOAD_DELAY_MS: 0, CALLS_MAX: 1 } as ListenerConfig);
  await shedding(app, (scope) => {
    scope.post('/work', () => new Promise(() => undefined));
  });
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => app.server.closeAllConnections());
  let received = 0;
  app.server.on('request', () => {
    received += 1;
  });
  const turnOn = await stillTimers(t);
  const outcomes: number[] = [];
  for (let count = 1; count <= 3; count++) {
    fetch(`${origin}/work`, { method: 'POST' }).then(
      ({ status }) => outcomes.push(status),
      () => undefined,
    );
    while (received < count) await turnOn(0);
  }
  await turnOn(999);
  t.same(outcomes, []);
  await turnOn(1);
  while (outcomes.length < 2) await turnOn(0);
  t.same(outcomes, [503, 503]);
});

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
