import { connect } from 'node:net';
import { getHeapStatistics } from 'node:v8';
import t from 'tap';
import { BodyBudget, bodyBudgetOptions } from '../../../secureproxy/receipt/body-budget.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { parseSamples, total } from '../../support/prometheus.ts';
import { releaseOf, someAppKey, startProxy } from '../../support/proxy.ts';
import { startUpstream } from '../../support/upstream.ts';

const parts = { totalBytes: 100, strangersBytes: 10, sourceBytes: 10 };
const stranger = { source: '192.0.2.1' };
const noRoom = { code: 'overloaded', options: { reason: 'body_bytes', retryAfterSeconds: 1 } };

t.test('strangers share a part, and leave the rest to known apps', (t) => {
  const budget = new BodyBudget(parts);
  budget.take(stranger, 6);
  budget.take(stranger, 4);
  t.throws(() => budget.take(stranger, 1), noRoom);
  budget.take({ app: 'orders' }, 60);
  budget.give(stranger, 4);
  t.throws(() => budget.take(stranger, 5), noRoom);
  budget.take(stranger, 4);
  t.end();
});

t.test('an address does not shut out other strangers', (t) => {
  const budget = new BodyBudget({ ...parts, sourceBytes: 6 });
  budget.take(stranger, 6);
  t.throws(() => budget.take(stranger, 1), noRoom);
  budget.take({ source: '192.0.2.2' }, 4);
  t.throws(() => budget.take({ source: '192.0.2.3' }, 1), noRoom, 'all of them share a part');
  budget.give(stranger, 3);
  budget.take({ source: '192.0.2.3' }, 3);
  t.throws(() => budget.take(stranger, 1), noRoom);
  t.end();
});

t.test('strangers get nothing beyond the whole', (t) => {
  const budget = new BodyBudget(parts);
  budget.take({ app: 'orders' }, 75);
  budget.take({ app: 'stock' }, 24);
  budget.take(stranger, 1);
  t.throws(() => budget.take(stranger, 1), noRoom);
  t.throws(() => budget.take({ app: 'stock' }, 1), noRoom);
  t.end();
});

t.test('a share of an app binds only if less than a quarter is free', (t) => {
  const budget = new BodyBudget(parts);
  budget.take({ app: 'orders' }, 75);
  t.throws(() => budget.take({ app: 'orders' }, 1), noRoom);
  budget.take({ app: 'stock' }, 20);
  t.throws(() => budget.take({ app: 'orders' }, 1), noRoom);
  t.throws(() => budget.take({ app: 'stock' }, 6), noRoom, 'its share is a quarter');
  budget.take({ app: 'stock' }, 5);
  budget.give({ app: 'orders' }, 40);
  budget.take({ app: 'stock' }, 15);
  t.throws(() => budget.take({ app: 'stock' }, 1), noRoom);
  t.end();
});

t.test('what is rejected is not counted', (t) => {
  const budget = new BodyBudget(parts);
  for (let i = 0; i < 20; i++) {
    t.throws(() => budget.take({ app: 'orders' }, 76), noRoom);
    t.throws(() => budget.take(stranger, 11), noRoom);
  }
  budget.take({ app: 'orders' }, 75);
  budget.give({ app: 'orders' }, 75);
  budget.take(stranger, 10);
  t.end();
});

t.test('follows the heap, and has room for two of the longest bodies', (t) => {
  const mebibyte = 1024 * 1024;
  for (const [longest, workers, heap, totalBytes, strangersBytes, sourceBytes] of [
    [16, 1, 4096, 1024, 64, 32],
    [16, 4, 4096, 256, 16, 16],
    [256, 1, 512, 512, 256, 256],
  ] as const) {
    t.same(bodyBudgetOptions(longest * mebibyte, workers, heap * mebibyte), {
      totalBytes: totalBytes * mebibyte,
      strangersBytes: strangersBytes * mebibyte,
      sourceBytes: sourceBytes * mebibyte,
    });
  }
  t.end();
});

t.test('the processes of WORKERS share the heap', async (t) => {
  const share = Math.floor(getHeapStatistics().heap_size_limit / 4 / 64);
  const half = Math.floor(share / 2);
  const upstream = await startUpstream(t);
  const outcomeWith = async (WORKERS: string) => {
    const proxy = await startProxy(t, {
      obtain: async () => releaseOf({ destinations: [upstream.url] }),
      settings: { WORKERS, BODY_LIMIT_BYTES: String(half) },
    });
    const authorization = `Bearer ${someAppKey}`;
    const held = async () =>
      total(parseSamples((await proxy.send('/metrics')).text), 'secureproxy_body_bytes');
    // Nearly as much as one app has of the part of one of 64; none of it comes.
    let announced = 0;
    for (const bytes of [half, Math.floor(share * 0.75) - half - 10]) {
      announced += bytes;
      const socket = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
      t.teardown(() => socket.destroy());
      const head = [
        'POST /request_api HTTP/1.1',
        'Host: localhost',
        `Authorization: ${authorization}`,
        'Content-Type: application/json',
        `Content-Length: ${bytes}`,
      ];
      socket.write(`${head.join('\r\n')}\r\n\r\n`);
    }
    await pollUntil('both are counted', held, (now) => now === announced);
    const members = { ClientId: 'acme', TokenType: 'test', ApiUri: `${upstream.url}/` };
    const { status, problem } = await proxy.call(members, {
      headers: ['authorization', authorization],
    });
    return { status, reason: problem.reason };
  };
  const [shared, whole] = await Promise.all([outcomeWith('64'), outcomeWith('1')]);
  t.same(shared, { status: 503, reason: 'body_bytes' });
  t.same(whole, { status: 200, reason: undefined }, 'one has all of it');
});
