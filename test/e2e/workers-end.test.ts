import t from 'tap';
import { readiness } from '../support/listening.ts';
import { outcome, runKeyserver, startPair } from '../support/pair.ts';
import { makeState } from '../support/pair-state.ts';
import { startPlainUpstream } from '../support/plain-upstream.ts';
import { pollUntil } from '../support/poll-until.ts';
import { answeredBy, callNext, isGone, two, workersOf } from '../support/workers.ts';

t.test('SIGTERM under load: every worker finishes its calls, and none fails', async (t) => {
  const held: (() => void)[] = [];
  const upstream = await startPlainUpstream(t, (request, response) => {
    request.resume();
    if (request.url === '/held') held.push(() => response.end('{}'));
    else response.end('{}');
  });
  const pair = await startPair(t, {
    upstream,
    keyserver: { ...two, SHUTDOWN_TIMEOUT_MS: '1' },
    secureproxy: { ...two, DRAIN_DELAY_MS: '2000' },
  });
  const { keyserver, secureproxy } = pair;
  await workersOf(secureproxy);
  const inFlight = Array.from({ length: 8 }, () => callNext(pair, { ApiUri: `${upstream}/held` }));
  await pollUntil(
    'they are in flight',
    () => held.length,
    (count) => count === 8,
  );
  let isUnready = false;
  const callers = Array.from({ length: 8 }, async (_, i) => {
    const outcomes: (readonly [number, unknown])[] = [];
    // Some on kept connections, some on new ones, until a balancer would send no more.
    while (!isUnready) outcomes.push(await (i % 2 ? callNext(pair) : outcome(pair.call())));
    return outcomes;
  });
  const ok = { 'http.response.status_code': 200 };
  await pollUntil(
    'both workers answer calls',
    () => answeredBy(secureproxy, ok).size,
    (count) => count === 2,
  );
  process.kill(secureproxy.process.pid ?? 0, 'SIGTERM');
  await pollUntil(
    'unready',
    () => readiness(secureproxy.origin),
    ({ status }) => status === 503,
  );
  isUnready = true;
  const outcomes = (await Promise.all(callers)).flat();
  t.ok(outcomes.length >= 8);
  t.same(
    outcomes.filter(([status]) => status !== 200),
    [],
  );
  await pollUntil('no connection is taken', secureproxy.readyStatus, (status) => status === 0);
  for (const finish of held) finish();
  for (const call of inFlight) t.same(await call, [200, undefined]);
  t.equal(await secureproxy.process.exited, 'code 0');
  t.equal(secureproxy.output.linesWith({ msg: 'stopped' }).length, 3, 'workers and primary');

  await t.test('a worker that does not end is killed, and the code is 1', async (t) => {
    const [stuck = 0] = await workersOf(keyserver);
    process.kill(stuck, 'SIGSTOP');
    process.kill(keyserver.process.pid ?? 0, 'SIGTERM');
    t.equal(await keyserver.process.exited, 'code 1');
    await pollUntil('it is gone', () => isGone(stuck), Boolean);
  });
});

t.test('the primary process that is killed leaves nothing behind', async (t) => {
  const state = await makeState(t);
  const keyserver = await runKeyserver(t, state, two);
  const pids = await workersOf(keyserver);
  process.kill(keyserver.process.pid ?? 0, 'SIGKILL');
  await pollUntil('its workers are gone', () => pids.every(isGone), Boolean);
});
