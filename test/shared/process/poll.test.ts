import t from 'tap';
import { Poll } from '../../../shared/process/poll.ts';

/** A poll whose attempts and pauses end when the test says so. */
function byHand() {
  const attempts: PromiseWithResolvers<number>[] = [];
  const pauses: { readonly ms: number; readonly end: () => void }[] = [];
  const poll = new Poll({
    attempt() {
      const attempt = Promise.withResolvers<number>();
      attempts.push(attempt);
      return attempt.promise;
    },
    sleep(ms, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      pauses.push({ ms, end: resolve });
      return promise;
    },
  });
  return { attempts, pauses, poll };
}

const settle = () => new Promise(setImmediate);

/** Whether a promise has resolved by now. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  return (await Promise.race([promise, settle().then(() => pending)])) !== pending;
}

t.test('attempts at once, and pauses for as long as each attempt says', async (t) => {
  const { attempts, pauses, poll } = byHand();
  const started = poll.start();
  t.equal(attempts.length, 1, 'before anything was waited for');
  t.notOk(await isDone(started));
  attempts[0]?.resolve(500);
  await started;
  await settle();
  t.equal(attempts.length, 1);
  pauses[0]?.end();
  await settle();
  attempts[1]?.resolve(-20);
  await settle();
  t.same(
    pauses.map(({ ms }) => ms),
    [500, 0],
  );
});

t.test('never makes two attempts at once', async (t) => {
  const { attempts, pauses, poll } = byHand();
  void poll.start();
  await settle();
  t.same([attempts.length, pauses.length], [1, 0]);
});

t.test('stop ends the pause, and no attempt follows', async (t) => {
  const { attempts, pauses, poll } = byHand();
  void poll.start();
  attempts[0]?.resolve(500);
  await settle();
  t.equal(pauses.length, 1);
  t.notOk(poll.isStopped);
  await poll.stop();
  t.ok(poll.isStopped);
  t.equal(attempts.length, 1);
});

t.test('wake ends the pause, and the next attempt follows', async (t) => {
  const { attempts, pauses, poll } = byHand();
  void poll.start();
  poll.wake();
  attempts[0]?.resolve(500);
  await settle();
  t.same([attempts.length, pauses.length], [1, 1], 'there was no pause to end yet');
  poll.wake();
  await settle();
  t.equal(attempts.length, 2);
  attempts[1]?.resolve(500);
  await settle();
  t.equal(pauses.length, 2, 'the next pause is a whole one');
});

t.test('stop waits for the attempt under way, after which nothing follows', async (t) => {
  const { attempts, pauses, poll } = byHand();
  void poll.start();
  const stopped = poll.stop();
  t.notOk(await isDone(stopped));
  attempts[0]?.resolve(500);
  await stopped;
  t.same([attempts.length, pauses.length], [1, 0]);
});

t.test('a poll that was never started stops', async () => {
  await byHand().poll.stop();
});

t.test('without a sleep of the test’s, the system’s timer is used', async (t) => {
  const times: number[] = [];
  const poll = new Poll({ attempt: async () => times.push(performance.now()) && 20 });
  await poll.start();
  while (times.length < 3) await new Promise((done) => setTimeout(done, 5));
  await poll.stop();
  t.ok((times[2] ?? 0) - (times[0] ?? 0) >= 38, 'two pauses of 20 ms');
});
