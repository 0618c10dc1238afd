import t from 'tap';
import { LocalStore } from '../../../secureproxy/limits/local-store.ts';
import type { Bucket } from '../../../secureproxy/limits/store.ts';
import { testClock } from '../../support/clock.ts';

const bucket = (key: string, more: Partial<Bucket> = {}): Bucket => ({
  key,
  name: key,
  rate: undefined,
  concurrent: undefined,
  ...more,
});
const lease = { id: 'a', ms: 10_000 };
const rate = { requests: 10, seconds: 1, burst: 2 };

t.test('a rate grants its burst, then takes slots ahead as far as the call may wait', async (t) => {
  const clock = testClock();
  const store = new LocalStore(clock, () => 1);
  const b = bucket('b', { rate });
  const take = (horizonMs: number) => store.take([{ bucket: b, cost: 1 }], lease, horizonMs);
  t.match(
    [take(0), take(0)],
    [
      { granted: true, waitMs: 0, by: undefined },
      { granted: true, waitMs: 0 },
    ],
  );
  t.match(take(0), { granted: false, waitMs: 100, by: b, isClosed: false });
  t.match(
    [take(500), take(500)],
    [
      { granted: true, waitMs: 100 },
      { granted: true, waitMs: 200 },
    ],
  );
  t.same(store.rooms([b]), [{ used: 4, calls: 0, closedMs: 0, waitMs: 300 }]);
  clock.advance(400);
  t.same(store.rooms([b]), [{ used: 0, calls: 2, closedMs: 0, waitMs: 0 }]);
});

t.test('a call takes of all its limits, or of none', async (t) => {
  const store = new LocalStore(testClock(), () => 1);
  const wide = bucket('wide', { rate });
  const narrow = bucket('narrow', { rate: { ...rate, burst: 1 } });
  const demands = [wide, narrow].map((one) => ({ bucket: one, cost: 1 }));
  t.match(store.take(demands, lease, 0), { granted: true });
  t.match(store.take(demands, lease, 0), { granted: false, by: narrow });
  t.match(store.rooms([wide, narrow]), [{ calls: 1 }, { calls: 0 }]);
});

t.test('slots are held until they are given back, or their leases end', async (t) => {
  const clock = testClock();
  const store = new LocalStore(clock, () => 1);
  const b = bucket('b', { concurrent: 2 });
  const take = (id: string) => store.take([{ bucket: b, cost: 1 }], { id, ms: 10_000 }, 0);
  t.match([take('a'), take('b')], [{ granted: true }, { granted: true }]);
  t.match(take('c'), { granted: false, by: b });
  t.same(store.rooms([b]), [{ used: 2, calls: 0, closedMs: 0, waitMs: Infinity }]);
  store.leave([b], 'a');
  t.match([take('c'), take('d')], [{ granted: true }, { granted: false }]);
  clock.advance(10_001);
  t.match(store.rooms([b]), [{ calls: 2 }]);
  t.match(
    [take('e'), take('f'), take('g')],
    [{ granted: true }, { granted: true }, { granted: false }],
  );
});

t.test('a signal closes a bucket, and a later one does not open it earlier', async (t) => {
  const clock = testClock();
  const store = new LocalStore(clock, () => 1);
  const b = bucket('b', { rate });
  store.close(b, 5000);
  store.close(b, 100);
  t.match(store.take([{ bucket: b, cost: 1 }], lease, 4000), {
    granted: false,
    waitMs: 5000,
    isClosed: true,
  });
  t.same(store.rooms([b]), [{ used: 0, calls: 0, closedMs: 5000, waitMs: 5000 }]);
  t.same(store.closed(), [['b', 5000]]);
  clock.advance(5000);
  t.same(store.closed(), []);
  t.match(store.take([{ bucket: b, cost: 1 }], lease, 0), { granted: true, waitMs: 0 });
});

t.test('an error that costs more is charged afterwards', async (t) => {
  const store = new LocalStore(testClock(), () => 1);
  const b = bucket('b', { rate });
  store.charge(b, 10);
  t.match(store.take([{ bucket: b, cost: 1 }], lease, 0), { granted: false, waitMs: 900 });
});

t.test('several processes share a limit', async (t) => {
  const store = new LocalStore(testClock(), () => 2);
  const take = (one: Bucket, id: string) =>
    store.take([{ bucket: one, cost: 1 }], { id, ms: 1000 }, 0);
  const b = bucket('b', { rate });
  t.match([take(b, 'a'), take(b, 'b')], [{ granted: true }, { granted: false, waitMs: 200 }]);
  const slots = bucket('slots', { concurrent: 4 });
  t.match(
    [take(slots, 'a'), take(slots, 'b'), take(slots, 'c')],
    [{ granted: true }, { granted: true }, { granted: false }],
  );
});

t.test('buckets that are as new do not stay in memory', async (t) => {
  const clock = testClock();
  const store = new LocalStore(clock, () => 1);
  for (let i = 0; i < 20_000; i++) {
    store.take([{ bucket: bucket(`b${i}`, { rate }), cost: 1 }], lease, 0);
    clock.advance(1);
  }
  t.ok(store.size <= 1100, `${store.size} buckets`);
  t.match(
    store.take([{ bucket: bucket('b19999', { rate }), cost: 2 }], lease, 0),
    { granted: false },
    'the last is kept',
  );
});
