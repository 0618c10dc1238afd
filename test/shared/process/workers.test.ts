import cluster from 'node:cluster';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Workers } from '../../../shared/process/workers.ts';
import { capturedLog } from '../../support/log.ts';
import { pollUntil } from '../../support/poll-until.ts';

/** Ends with code 78 before it has started if there is a file `fault` in its folder. */
const program = `
import { existsSync } from 'node:fs';
import { join } from 'node:path';
if (existsSync(join(import.meta.dirname, 'fault'))) process.exit(78);
process.on('SIGTERM', () => process.exit(0));
process.on('message', () => undefined);
process.send({ started: true });
`;

/** Workers of a small program, as children of this process. */
function setUp(t: Test, count: number) {
  const folder = t.testdir({ 'worker.mjs': program });
  cluster.setupPrimary({ exec: join(folder, 'worker.mjs'), execArgv: [] });
  const { logger, lines } = capturedLog('test');
  const workers = new Workers({ count, stopLimitMs: 29_000, logger, answer: () => undefined });
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
    haveStarted: () =>
      pollUntil(
        'they have started',
        () => started,
        (n) => n === count,
      ),
    failedStarts: () => lines().filter(({ exit }) => exit === 78),
    breakStarts: () => writeFileSync(join(folder, 'fault'), ''),
  };
}

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
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL');
  await pollUntil(
    'it ends, or tries once more',
    () => exitCode() !== undefined || failedStarts().length > 0,
    Boolean,
  );
  t.equal(exitCode(), 78);
  t.same(failedStarts(), []);
});
