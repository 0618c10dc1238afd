import cluster from 'node:cluster';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { Workers } from '../../../shared/process/workers.ts';
import { capturedLog } from '../../support/log.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { stillTimers } from '../../support/timers.ts';

/**
 * Ends with code 78 before it has started if there is a file `fault` in its folder, and at no SIGTERM if there is one
 * `stuck`.
 */
const program = `
import { existsSync } from 'node:fs';
import { join } from 'node:path';
if (existsSync(join(import.meta.dirname, 'fault'))) process.exit(78);
const isStuck = existsSync(join(import.meta.dirname, 'stuck'));
process.on('SIGTERM', () => isStuck || process.exit(0));
process.on('message', () => undefined);
process.send({ started: true });
`;

/** Workers of a small program, as children of this process. */
function setUp(t: Test, count: number, { isStuck = false } = {}) {
  const folder = t.testdir({ 'worker.mjs': program, ...(isStuck && { stuck: '' }) });
  cluster.setupPrimary({ exec: join(folder, 'worker.mjs'), execArgv: [] });
  const { logger, lines } = capturedLog('test');
  const config = { WORKERS: count, DRAIN_DELAY_MS: 30_000, SHUTDOWN_TIMEOUT_MS: 25_000 };
  const workers = new Workers({ config, logger, answer: () => undefined });
  let exitCode: number | undefined;
  const ended = workers.run().then((code) => {
    exitCode = code;
    return code;
  });
  t.teardown(async () => {
    if (exitCode === undefined) workers.stop();
    await ended;
  });
  let started = 0;
  const add = () => {
    started += 1;
  };
  cluster.on('message', add);
  t.teardown(() => cluster.off('message', add));
  return {
    workers,
    ended,
    exitCode: () => exitCode,
    haveStarted: (times = 1) =>
      pollUntil(
        'they have started',
        () => started,
        (n) => n === times * count,
      ),
    replaced: () => lines().filter(({ msg }) => msg === 'worker ended: replaced'),
    failedStarts: () => lines().filter(({ exit }) => exit === 78),
    breakStarts: () => writeFileSync(join(folder, 'fault'), ''),
  };
}

const alive = () => Object.values(cluster.workers ?? {}).filter((one) => one?.isDead() === false);
const kill = () => {
  for (const worker of alive()) worker?.process.kill('SIGKILL');
};
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

t.test('nothing keeps the primary process alive once its workers have ended', async (t) => {
  const { workers, ended, haveStarted } = setUp(t, 2);
  await haveStarted();
  const before = timers();
  workers.stop();
  t.equal(await ended, 0);
  t.equal(timers(), before);
});

t.test('all end if the last one has ended and cannot start again', async (t) => {
  const { exitCode, haveStarted, failedStarts, breakStarts } = setUp(t, 1);
  await haveStarted();
  breakStarts();
  kill();
  await pollUntil(
    'it ends, or tries once more',
    () => exitCode() !== undefined || failedStarts().length > 0,
    Boolean,
  );
  t.equal(exitCode(), 78);
  t.same(failedStarts(), []);
});

t.test('a worker that ends again and again is replaced after pauses that double', async (t) => {
  const { haveStarted, replaced } = setUp(t, 1);
  for (let times = 1; times <= 3; times++) {
    await haveStarted(times);
    kill();
    await pollUntil('it is said', replaced, ({ length }) => length === times);
  }
  t.match(replaced(), [{ pause_ms: 100 }, { pause_ms: 200 }, { pause_ms: 400 }]);
});

t.test(
  'one that is stuck is killed after the delay, the time for calls and four seconds',
  async (t) => {
    const { workers, ended, haveStarted } = setUp(t, 1, { isStuck: true });
    await haveStarted();
    const turnOn = await stillTimers(t);
    workers.stop();
    await turnOn(58_999);
    await sleep(200);
    t.equal(alive().length, 1);
    await turnOn(1);
    t.equal(await ended, 1);
  },
);
