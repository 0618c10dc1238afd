import t from 'tap';
import { RecentChanges } from '../../../keyserver/registry/recent-changes.ts';
import { testClock } from '../../support/clock.ts';

const app = (seq: number) => ({ seq, kind: 'app', id: `app-${seq}` });

/** A history that began at 10, long ago. */
function setUp(max?: number) {
  const clock = testClock();
  const recent = new RecentChanges(clock, max);
  recent.restart(10);
  clock.advance(5_000);
  return { clock, recent };
}

t.test('tells what came after the asked seq', async (t) => {
  const { recent } = setUp();
  t.same(recent.since(10), { seq: 10, changes: [] });
  recent.add(13, [app(11), app(13)]);
  t.same(recent.since(10), { seq: 13, changes: [app(11), app(13)] });
  t.same(recent.since(11), { seq: 13, changes: [app(13)] });
  t.same(recent.since(13), { seq: 13, changes: [] });
});

t.test(
  'a seq from before the history, or from none of its own, is answered by a reset',
  async (t) => {
    const { recent } = setUp();
    recent.add(12, [app(11), app(12)]);
    const reset = { seq: 12, changes: [], reset: true };
    for (const since of [0, 9, 13, 1_000_000]) t.same(recent.since(since), reset, String(since));
  },
);

t.test('is bounded, and does not pretend to know what it forgot', async (t) => {
  const { recent } = setUp(3);
  recent.add(14, [11, 12, 13, 14].map(app));
  t.same(recent.since(10), { seq: 14, changes: [], reset: true });
  t.same(recent.since(11), { seq: 14, changes: [12, 13, 14].map(app) });
  recent.add(20, [15, 16, 17, 18, 19, 20].map(app));
  t.same(recent.since(16), { seq: 20, changes: [], reset: true });
  t.same(recent.since(17).changes, [18, 19, 20].map(app));
});

t.test('of changes under one seq, all are told or none', async (t) => {
  const { recent } = setUp(2);
  recent.add(11, [app(11), { ...app(11), id: 'b' }, { ...app(11), id: 'c' }]);
  t.same(recent.since(10), { seq: 11, changes: [], reset: true });
  t.same(recent.since(11), { seq: 11, changes: [] });
});

t.test('resets everybody for as long as leases of an earlier history hold', async (t) => {
  const { recent, clock } = setUp();
  recent.add(12, [app(11), app(12)]);
  for (const seq of [12, 8, 30]) {
    recent.restart(seq);
    const reset = { seq, changes: [], reset: true };
    t.same(recent.since(seq), { ...reset, resetAgeMs: 0 }, 'the same seq, too');
    clock.advance(4_999);
    t.same(recent.since(seq), { ...reset, resetAgeMs: 4_999 });
    t.same(recent.since(seq - 1), reset, 'no matter when it dropped everything');
    clock.advance(1);
    t.same(recent.since(seq), { seq, changes: [] });
    t.same(recent.since(seq - 1), reset);
  }
});

t.test('tells what changed along with a reset', async (t) => {
  const { recent, clock } = setUp();
  recent.restart(10);
  clock.advance(600.9);
  recent.add(12, [app(11), app(12)]);
  const changes = [app(11), app(12)];
  t.same(recent.since(10), { seq: 12, changes, reset: true, resetAgeMs: 600 });
});

t.test('remembers a thousand changes', async (t) => {
  const { recent } = setUp();
  const changes = Array.from({ length: 1001 }, (_, i) => app(11 + i));
  recent.add(1011, changes);
  t.match(recent.since(10), { reset: true });
  t.same(recent.since(11), { seq: 1011, changes: changes.slice(1) });
});
