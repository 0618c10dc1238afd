import t from 'tap';
import { BodyBudget, bodyBudgetOptions } from '../../../secureproxy/receipt/body-budget.ts';

const noRoom = { code: 'overloaded', options: { reason: 'body_bytes', retryAfterSeconds: 1 } };

t.test('strangers share a part, and leave the rest to known apps', (t) => {
  const budget = new BodyBudget({ totalBytes: 100, strangersBytes: 10 });
  budget.take(undefined, 6);
  budget.take(undefined, 4);
  t.throws(() => budget.take(undefined, 1), noRoom);
  budget.take('orders', 60);
  budget.give(undefined, 4);
  t.throws(() => budget.take(undefined, 5), noRoom);
  budget.take(undefined, 4);
  t.end();
});

t.test('strangers get nothing beyond the whole', (t) => {
  const budget = new BodyBudget({ totalBytes: 100, strangersBytes: 10 });
  budget.take('orders', 75);
  budget.take('stock', 24);
  budget.take(undefined, 1);
  t.throws(() => budget.take(undefined, 1), noRoom);
  t.throws(() => budget.take('stock', 1), noRoom);
  t.end();
});

t.test('a share of an app binds only if less than a quarter is free', (t) => {
  const budget = new BodyBudget({ totalBytes: 100, strangersBytes: 10 });
  budget.take('orders', 75);
  t.throws(() => budget.take('orders', 1), noRoom);
  budget.take('stock', 20);
  t.throws(() => budget.take('orders', 1), noRoom);
  t.throws(() => budget.take('stock', 6), noRoom, 'its share is a quarter');
  budget.take('stock', 5);
  budget.give('orders', 40);
  budget.take('stock', 15);
  t.throws(() => budget.take('stock', 1), noRoom);
  t.end();
});

t.test('what is rejected is not counted', (t) => {
  const budget = new BodyBudget({ totalBytes: 100, strangersBytes: 10 });
  for (let i = 0; i < 20; i++) {
    t.throws(() => budget.take('orders', 76), noRoom);
    t.throws(() => budget.take(undefined, 11), noRoom);
  }
  budget.take('orders', 75);
  budget.give('orders', 75);
  budget.take(undefined, 10);
  t.end();
});

t.test('follows the heap, and has room for two of the longest bodies', (t) => {
  const mebibyte = 1024 * 1024;
  for (const [longest, workers, heap, totalBytes, strangersBytes] of [
    [16, 1, 4096, 1024, 64],
    [16, 4, 4096, 256, 16],
    [256, 1, 512, 512, 256],
  ] as const) {
    t.same(bodyBudgetOptions(longest * mebibyte, workers, heap * mebibyte), {
      totalBytes: totalBytes * mebibyte,
      strangersBytes: strangersBytes * mebibyte,
    });
  }
  t.end();
});
