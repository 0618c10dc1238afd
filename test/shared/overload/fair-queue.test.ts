import t, { type Test } from 'tap';
import { ServiceError } from '../../../shared/errors.ts';
import { FairQueue, type FairQueueOptions, sourceOf } from '../../../shared/overload/fair-queue.ts';
import { until } from '../../support/until.ts';

/** A queue whose work is ended by hand, in the order in which it began. */
function setUp(t: Test, options: Partial<FairQueueOptions> = {}) {
  const queue = new FairQueue({
    maxRunning: 1,
    maxWaiting: 4,
    queueTimeoutMs: 5_000,
    minHoldMs: 0,
    rejection: () => new ServiceError('overloaded', { reason: 'full' }),
    ...options,
  });
  // Work that waits for ever would keep its time-out, and the process, waiting.
  let isOver = false;
  t.teardown(() => {
    isOver = true;
    for (const end of running) end();
  });
  const began: string[] = [];
  const rejected: string[] = [];
  const running: (() => void)[] = [];
  const run = (source: string, name = source) =>
    queue
      .run(source, () => {
        if (isOver) return Promise.resolve();
        began.push(name);
        return new Promise<void>((end) => running.push(end));
      })
      .catch(({ code, options: { reason } }) => rejected.push(`${name} ${code} ${reason}`));
  const endOne = async () => {
    const count = began.length;
    running.shift()?.();
    await until(() => began.length > count);
  };
  return { queue, run, began, rejected, running, endOne };
}

t.test('a source that has nothing left takes no turn', async (t) => {
  const { run, running, began, endOne } = setUp(t);
  void run('a', 'a1');
  void run('a', 'a2');
  await endOne();
  void run('b', 'b1');
  running.shift()?.();
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  t.equal(began.at(-1), 'b1');
});

t.test('a source with its part running waits, while there is room for others', async (t) => {
  const { run, began, endOne } = setUp(t, { maxRunning: 3, maxRunningOfSource: 1 });
  for (const name of ['a1', 'a2', 'a3']) void run('a', name);
  void run('b', 'b1');
  t.same(began, ['a1', 'b1']);
  await endOne();
  t.same(began, ['a1', 'b1', 'a2']);
  void run('c', 'c1');
  t.same(began.at(-1), 'c1');
  void run('d', 'd1');
  t.same(began.at(-1), 'c1', 'nobody has more than all');
  await endOne();
  t.same(began.at(-1), 'd1', 'it passes those that may not run');
});

t.test('work begins at once while there is room, and sources take turns after that', async (t) => {
  const { queue, run, began, rejected, endOne } = setUp(t);
  for (const name of ['a1', 'a2', 'a3']) void run('a', name);
  void run('b', 'b1');
  void run('c', 'c1');
  t.same(began, ['a1']);
  t.equal(queue.waiting, 4, 'all that it takes');
  while (queue.waiting > 0) await endOne();
  t.same(rejected, []);
  t.same(began, ['a1', 'a2', 'b1', 'c1', 'a3']);
});

t.test('a full queue rejects the newest work of the source with the most', async (t) => {
  const { run, began, rejected, endOne } = setUp(t);
  void run('flood', 'f0');
  for (let i = 1; i <= 6; i++) void run('flood', `f${i}`);
  void run('quiet', 'q1');
  await until(() => rejected.length >= 3);
  t.same(rejected, ['f5 overloaded full', 'f6 overloaded full', 'f4 overloaded full']);
  await endOne();
  await endOne();
  t.same(began, ['f0', 'f1', 'q1'], 'a source that begins amid a flood waits for one turn');
});

t.test('work that waits for too long is rejected, and its place is free', async (t) => {
  const { run, began, rejected, running } = setUp(t, { queueTimeoutMs: 20 });
  void run('a', 'a1');
  await run('a', 'a2');
  t.same(rejected, ['a2 overloaded full']);
  running.shift()?.();
  await until(() => {
    if (began.length === 1) void run('b');
    return began.length > 1;
  });
  t.same(began.slice(0, 2), ['a1', 'b']);
});

t.test('a signal ends the wait, and leaves work that has begun alone', async (t) => {
  const { queue, run, began, endOne } = setUp(t);
  void run('a', 'a1');
  const [gone, stays] = [new AbortController(), new AbortController()];
  const ran: string[] = [];
  const waiting = queue.run('b', async () => ran.push('b1'), gone.signal);
  const second = queue.run('b', async () => ran.push('b2'), stays.signal);
  gone.abort(new Error('gone'));
  await t.rejects(waiting, { message: 'gone' });
  t.equal(queue.waiting, 1);
  void run('c', 'c1');
  await endOne();
  await second;
  stays.abort();
  t.same([ran, began, queue.waiting], [['b2'], ['a1', 'c1'], 0]);
});

t.test('work that fails gives its place back', async (t) => {
  const { queue, run, began } = setUp(t);
  await t.rejects(
    queue.run('a', () => Promise.reject(new Error('broken'))),
    { message: 'broken' },
  );
  void run('a');
  t.same(began, ['a']);
});

t.test('a place is held for a while, which limits the rate', async (t) => {
  const { run, began, rejected, running } = setUp(t, { minHoldMs: 50, maxWaiting: 1 });
  const first = run('a', 'a1');
  running.shift()?.();
  await first;
  void run('a', 'a2');
  t.same(began, ['a1'], 'although the first is done');
  await until(() => began.length + rejected.length === 2);
  t.same(rejected, []);
});

t.test('an IPv6 network is one source', (t) => {
  for (const [address, source] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '::ffff:192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    ['', ''],
  ] as const) {
    t.equal(sourceOf(address), source, address);
  }
  t.end();
});
