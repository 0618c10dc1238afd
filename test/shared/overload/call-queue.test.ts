import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { CallQueue } from '../../../shared/overload/call-queue.ts';

t.test('a new call does not overtake a queued one when there is room again', async (t) => {
  const begun: ServerResponse[] = [];
  const queue = new CallQueue({
    max: 1,
    queueTimeoutMs: 60_000,
    reject: () => t.fail('no call is rejected'),
  });
  const come = () => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    queue.take(request, response, () => {
      begun.push(response);
      queue.enter(response);
    });
    return response;
  };
  const first = come();
  const waiting = come();
  first.emit('close');
  const newcomer = come();
  await nextTurn();
  t.ok(begun.length === 2 && begun[1] === waiting, 'the queued call is next');
  waiting.emit('close');
  await nextTurn();
  t.ok(begun.length === 3 && begun[2] === newcomer);
});

/** A queue, and calls to it by name: `s…` are of strangers, others of the caller of the first letter. */
function queueOf(max: number, queueTimeoutMs = 60_000) {
  const order: string[] = [];
  const rejected: string[] = [];
  const names = new WeakMap<IncomingMessage, string>();
  const running: ServerResponse[] = [];
  const queue = new CallQueue({
    max,
    queueTimeoutMs,
    reject: (request) => rejected.push(names.get(request) ?? ''),
    callerOf: (request) => {
      const [caller] = names.get(request) ?? '';
      return caller === 's' ? undefined : caller;
    },
  });
  const come = (name: string) => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    names.set(request, name);
    queue.take(request, response, () => {
      order.push(name);
      running.push(response);
      queue.enter(response);
    });
  };
  const end = async () => {
    running.shift()?.emit('close');
    await nextTurn();
  };
  return { come, end, order, rejected };
}

t.test('known callers wait before strangers, of whom one in four begins', async (t) => {
  const { come, end, order } = queueOf(2);
  for (const name of ['k0', 'k0']) come(name);
  for (const name of ['s1', 's2', 's3', 'k1', 'k2', 'k3', 'k4', 'k5']) come(name);
  for (let i = 0; i < 8; i++) await end();
  t.strictSame(order.slice(2), ['k1', 'k2', 'k3', 's1', 'k4', 'k5', 's2', 's3']);
});

t.test('strangers leave room for known callers to wait', async (t) => {
  const { come, end, order, rejected } = queueOf(2);
  for (const name of ['k1', 'k2']) come(name);
  for (let i = 0; i < 8; i++) come(`s${i}`);
  t.strictSame(rejected, ['s6', 's7'], 'three times the calls at once');
  come('k3');
  come('k4');
  come('k5');
  t.strictSame(rejected, ['s6', 's7', 'k5'], 'four times in all');
  for (let i = 0; i < 10; i++) await end();
  t.equal(order[2], 'k3');
  t.equal(order.length, 10, 'all that waited began');
});

t.test('known callers take turns, so that no burst of one delays another', async (t) => {
  const { come, end, order } = queueOf(2);
  for (const name of ['k0', 'k0']) come(name);
  for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']) come(name);
  for (let i = 0; i < 7; i++) await end();
  t.strictSame(order.slice(2), ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
});

t.test('a caller who fills the queue leaves room in it for others', async (t) => {
  const { come, end, order, rejected } = queueOf(2);
  for (const name of ['k0', 'k0']) come(name);
  for (let i = 1; i <= 9; i++) come(`a${i}`);
  t.strictSame(rejected, ['a9']);
  come('b1');
  come('b2');
  t.strictSame(rejected, ['a9', 'a8', 'a7']);
  for (let i = 0; i < 8; i++) await end();
  t.strictSame(order.slice(2, 6), ['a1', 'b1', 'a2', 'b2']);
  t.equal(order.length, 10);
});

/** Keeps the event loop busy for longer than calls may wait, so that their timers are due before their turn. */
async function comeDuringStall(max: number, count: number) {
  const queue = queueOf(max, 20);
  for (let i = 0; i < count; i++) queue.come(`k${i}`);
  const end = performance.now() + 50;
  while (performance.now() < end);
  await sleep(1);
  return queue;
}

t.test('a call that waits for the event loop alone is not rejected, however long', async (t) => {
  const { order, rejected } = await comeDuringStall(1024, 100);
  t.same(rejected, []);
  for (let turn = 0; turn < 100; turn++) await nextTurn();
  t.equal(order.length, 100, 'all begin, in later turns');
});

t.test('a call is rejected if more wait than there are places', async (t) => {
  const { order, rejected } = await comeDuringStall(40, 100);
  for (let turn = 0; turn < 100; turn++) await nextTurn();
  t.equal(order.length, 40, 'as many as there are places');
  t.equal(rejected.length, 60);
});
