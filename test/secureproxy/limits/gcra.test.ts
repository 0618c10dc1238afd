import fc from 'fast-check';
import t from 'tap';
import {
  arrivalAfter,
  intervalOf,
  shareOf,
  startOf,
  usedOf,
} from '../../../secureproxy/limits/gcra.ts';
import type { Rate } from '../../../shared/policy/limit.ts';

const rates: fc.Arbitrary<Rate> = fc.record({
  requests: fc.integer({ min: 1, max: 1000 }),
  seconds: fc.integer({ min: 1, max: 3600 }),
  burst: fc.integer({ min: 1, max: 50 }),
});
const asks = fc.array(
  fc.record({ afterMs: fc.integer({ min: 0, max: 5000 }), cost: fc.integer({ min: 1, max: 60 }) }),
  { minLength: 1, maxLength: 100 },
);

/** The starts of requests that take their slot ahead, in order of their asking. */
function startsOf(rate: Rate, asked: readonly { afterMs: number; cost: number }[]) {
  let now = 0;
  let arrival = -Infinity;
  return asked.map(({ afterMs, cost }) => {
    now += afterMs;
    const start = startOf(rate, arrival, now, cost);
    arrival = arrivalAfter(rate, arrival, start, cost);
    return { asked: now, start, cost };
  });
}

t.test('no window has more than its part of the rate and the burst', async () => {
  fc.assert(
    fc.property(rates, asks, (rate, asked) => {
      const starts = startsOf(rate, asked).map(({ start, cost }) => ({
        start,
        cost: Math.min(cost, rate.burst),
      }));
      return starts.every(({ start: from }, first) => {
        let sum = 0;
        return starts.slice(first).every(({ start, cost }) => {
          sum += cost;
          return sum <= rate.burst + (start - from) / intervalOf(rate) + 1e-6;
        });
      });
    }),
  );
});

t.test('nobody waits for longer than the cost of those before', async () => {
  fc.assert(
    fc.property(rates, asks, (rate, asked) => {
      let before = 0;
      return startsOf(rate, asked).every(({ asked: at, start, cost }) => {
        const waits = start - at <= (before + cost) * intervalOf(rate) + 1e-6;
        before += cost;
        return waits && start >= at;
      });
    }),
  );
});

t.test('the room is what starts at once', async () => {
  fc.assert(
    fc.property(rates, fc.integer({ min: -5000, max: 100_000 }), (rate, arrival) => {
      const room = Math.max(0, rate.burst - usedOf(rate, arrival, 0));
      // Less than a millionth of a request counts as none.
      const soon = 1e-3 + 1e-6 * intervalOf(rate);
      if (room > 0 && startOf(rate, arrival, 0, room) > soon) return false;
      return room >= rate.burst || startOf(rate, arrival, 0, room + 1) > 0;
    }),
  );
});

t.test('the shares of all processes are a rate, or a request each', async (t) => {
  const rate = { requests: 50, seconds: 1, burst: 10 };
  t.same(shareOf(rate, 5), { requests: 50, seconds: 5, burst: 2 });
  t.same(shareOf(rate, 40), { requests: 50, seconds: 40, burst: 1 });
});
