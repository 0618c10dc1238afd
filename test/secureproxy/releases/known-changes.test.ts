import t from 'tap';
import { KnownChanges } from '../../../secureproxy/releases/known-changes.ts';
import type { Changes } from '../../../shared/protocol/change-messages.ts';
import { testClock } from '../../support/clock.ts';
import { releaseOf } from '../../support/proxy.ts';

const names = { clientId: 'shop', tokenType: 'ozon' };
const release = (seq: number) => releaseOf({ destinations: [] }, { app: 'orders', seq });
const token = { kind: 'token', id: 'shop', tokenType: 'ozon' };

/** Knows all changes up to 10, under a lease. */
function setUp(max?: number) {
  const clock = testClock();
  const known = new KnownChanges(clock, max);
  const take = (more: Partial<Changes> = {}, askedAt = clock.monotonic()) =>
    known.take({ seq: known.seq, changes: [], ageMs: 0, ...more }, askedAt);
  take({ seq: 10, reset: true });
  const { epoch } = known;
  return { clock, known, take, resets: () => known.epoch - epoch };
}

t.test('a lease lasts five seconds from when it was asked, by the monotonic clock', async (t) => {
  const { clock, known, take } = setUp();
  clock.advance(4_000);
  clock.step(-3_600_000);
  t.ok(known.isLeased);
  take({}, clock.monotonic() - 1_500);
  clock.advance(3_499);
  clock.step(3_600_000);
  t.ok(known.isLeased);
  clock.advance(1);
  t.notOk(known.isLeased);
});

t.test('a lease is shorter by the age of what KeyServer knows', async (t) => {
  const { clock, known, take } = setUp();
  take({ ageMs: 500 });
  clock.advance(4_499);
  t.ok(known.isLeased);
  clock.advance(1);
  t.notOk(known.isLeased);
  take({ ageMs: 5_000 });
  t.notOk(known.isLeased, 'what is that old says nothing of now');
});

t.test('there is none before the first answer', async (t) => {
  t.notOk(new KnownChanges(testClock()).isLeased);
});

t.test(
  'a release from before a change of its own is outdated, one from after is not',
  async (t) => {
    for (const change of [
      token,
      { kind: 'type', id: 'ozon' },
      { kind: 'app', id: 'orders' },
      { kind: 'proxy', id: 'whatever it is called here' },
    ]) {
      const { known, take, resets } = setUp();
      t.ok(known.isCurrent(names, release(11)));
      take({ seq: 14, changes: [{ ...change, seq: 12 }] });
      t.notOk(known.isCurrent(names, release(11)), change.kind);
      t.ok(known.isCurrent(names, release(12)), change.kind);
      t.equal(resets(), 0);
    }
  },
);

t.test('changes of other names do not outdate a release', async (t) => {
  const { known, take } = setUp();
  const others = [
    { ...token, tokenType: 'other' },
    { ...token, id: 'SHOP' },
    { kind: 'type', id: 'shop' },
    { kind: 'type', id: 'orders' },
    { kind: 'app', id: 'ozon' },
    { kind: 'app', id: 'order' },
    { ...token, id: 'shop","ozon', tokenType: '' },
  ];
  take({ seq: 20, changes: others.map((change) => ({ ...change, seq: 20 })) });
  t.ok(known.isCurrent(names, release(10)));
});

t.test('of several changes the last counts, in whatever order they come', async (t) => {
  const { known, take } = setUp();
  take({ seq: 15, changes: [15, 12].map((seq) => ({ ...token, seq })) });
  t.notOk(known.isCurrent(names, release(14)));
  take({ seq: 16, changes: [{ ...token, seq: 13 }] });
  t.notOk(known.isCurrent(names, release(14)));
  t.ok(known.isCurrent(names, release(15)));
});

t.test('everything is dropped', async (t) => {
  for (const [why, more] of Object.entries({
    'by a reset': { seq: 11, reset: true },
    'where the counter was set back': { seq: 9 },
    'by a change of a later version': { seq: 11, changes: [{ seq: 11, kind: 'tenant', id: 'x' }] },
    'by a token without a type': { seq: 11, changes: [{ seq: 11, kind: 'token', id: 'x' }] },
  } satisfies Record<string, Partial<Changes>>)) {
    const { known, take, resets } = setUp();
    take(more);
    t.equal(resets(), 1, why);
    t.equal(known.seq, more.seq);
    t.notOk(known.isCurrent(names, release(more.seq - 1)), why);
    t.ok(known.isCurrent(names, release(more.seq)), why);
    t.ok(known.isLeased);
  }
});

t.test('a reset drops everything once, and what changed since is followed', async (t) => {
  const { clock, known, take, resets } = setUp();
  clock.advance(500);
  take({ reset: true, resetAgeMs: 499 });
  t.equal(resets(), 1, 'KeyServer started after the drop before');
  const revoked = { ...token, seq: 11 };
  clock.advance(1_000);
  take({ seq: 11, changes: [revoked], reset: true, resetAgeMs: 1_499 });
  t.equal(resets(), 1);
  t.notOk(known.isCurrent(names, release(10)));
  t.ok(known.isCurrent({ ...names, clientId: 'other' }, release(10)));
  clock.advance(1_000);
  take({ reset: true });
  t.equal(resets(), 2, 'an earlier KeyServer does not tell how long ago');
  clock.advance(1_000);
  take({ reset: true, resetAgeMs: 999 });
  t.equal(resets(), 3, 'another start');
});

t.test('each reset drops everything for as long as others may follow the history', async (t) => {
  const { clock, take, resets } = setUp();
  const history = 'first';
  take({ history });
  take({ history: 'second' });
  for (let i = 1; i < 5; i++) {
    clock.advance(1_000);
    take({ history: 'second', reset: true, resetAgeMs: i * 1_000 });
    t.equal(resets(), i + 1);
  }
  clock.advance(1_000);
  take({ history: 'second', reset: true, resetAgeMs: 4_999 });
  t.equal(resets(), 5);
});

t.test('everything is dropped if the lease has expired', async (t) => {
  const { clock, take, resets } = setUp();
  clock.advance(4_999);
  take();
  t.equal(resets(), 0);
  clock.advance(5_000);
  take();
  t.equal(resets(), 1);
});

t.test(
  'everything is dropped, and no lease holds, where the proxy is not known any more',
  async (t) => {
    const { known, resets } = setUp();
    known.revoke();
    t.equal(resets(), 1);
    t.notOk(known.isLeased);
  },
);

t.test('is bounded; what it forgets makes everything older outdated', async (t) => {
  const { known, take } = setUp(3);
  const changes = ['a', 'b', 'c'].map((id, i) => ({ seq: 11 + i, kind: 'app', id }));
  take({ seq: 13, changes });
  t.ok(known.isCurrent(names, release(10)));
  take({ seq: 14, changes: [{ seq: 14, kind: 'app', id: 'a' }] });
  t.ok(known.isCurrent(names, release(10)), 'a name that comes again takes no more room');
  take({ seq: 15, changes: [{ seq: 15, kind: 'app', id: 'd' }] });
  t.notOk(known.isCurrent(names, release(11)), 'b of 12 is forgotten');
  t.ok(known.isCurrent(names, release(12)));
  t.notOk(known.isCurrent(names, { ...release(13), app: 'a' }), 'a of 14 is not');
});

/** Answers of a KeyServer that tells its history. */
function setUpHistory() {
  const it = setUp();
  it.take({ seq: 10, history: 'first', changes: [] });
  return it;
}

t.test('within one history it never goes back', async (t) => {
  const { clock, known, take, resets } = setUpHistory();
  const drops = resets();
  t.equal(
    take({ seq: 12, history: 'first', changes: [{ seq: 12, kind: 'app', id: 'orders' }] }),
    true,
  );
  clock.advance(1_000);
  for (const reset of [undefined, true] as const) {
    t.equal(take({ seq: 11, history: 'first', ...(reset && { reset }) }), false);
    t.equal(known.seq, 12);
    t.notOk(known.isCurrent(names, release(11)), 'the revocation stays known');
  }
  clock.advance(4_000);
  t.notOk(known.isLeased, 'nothing vouches for what came since');
  t.equal(take({ seq: 11, history: 'first' }), false, 'nor does the end of a lease forget it');
  t.equal(resets(), drops);
  t.equal(take({ seq: 12, history: 'first' }), true);
  t.ok(known.isLeased);
});

t.test('another history is followed wherever it begins, and everything is dropped', async (t) => {
  for (const seq of [1, 10, 1_000]) {
    const { known, take, resets } = setUpHistory();
    const drops = resets();
    t.equal(take({ seq, history: 'second' }), true);
    t.equal(resets(), drops + 1);
    t.equal(known.seq, seq);
    t.notOk(known.isCurrent(names, release(seq - 1)));
  }
});

t.test('a KeyServer that tells no history is followed as ever', async (t) => {
  const { known, take, resets } = setUpHistory();
  const drops = resets();
  t.equal(take({ seq: 11 }), true, 'an earlier version among the replicas');
  t.equal(take({ seq: 12, history: 'first' }), true);
  t.equal(resets(), drops, 'which costs nothing');
  t.equal(take({ seq: 9 }), true);
  t.equal(resets(), drops + 1);
  t.equal(known.seq, 9);
});
