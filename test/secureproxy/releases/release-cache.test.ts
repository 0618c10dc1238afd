import t from 'tap';
import { ServiceError } from '../../../shared/errors.ts';
import { type AskedCache, announce, asks, obtain, query, setUp, target } from './asked-cache.ts';

t.test('keeps a release for so long and no longer', async (t) => {
  const it = setUp();
  t.equal((await obtain(it)).source, 'rsa');
  it.clock.advance(4999);
  t.equal((await obtain(it)).source, 'cached');
  it.clock.advance(1);
  t.equal((await obtain(it)).source, 'rsa');
  t.equal(it.asked.length, 2);
});

t.test('neither use nor the wall clock changes its age', async (t) => {
  const it = setUp();
  await obtain(it);
  for (let second = 0; second < 4; second++) {
    it.clock.advance(1000);
    it.clock.step(-3_600_000);
    t.equal((await obtain(it)).source, 'cached');
  }
  it.clock.step(3_600_000);
  t.equal((await obtain(it)).source, 'cached');
  it.clock.advance(1000);
  t.equal((await obtain(it)).source, 'rsa');
});

t.test('its age counts from when it was asked for', async (t) => {
  const it = setUp();
  const got = it.cache.get(query());
  it.clock.advance(4000);
  it.give();
  await got;
  it.clock.advance(999);
  t.equal((await obtain(it)).source, 'cached');
  it.clock.advance(1);
  t.equal((await obtain(it)).source, 'rsa');
});

t.test('a release that took longer to arrive than it may be cached is used once', async (t) => {
  const it = setUp();
  const got = it.cache.get(query());
  it.clock.advance(6000);
  it.give();
  t.equal((await got).source, 'rsa');
  t.equal((await obtain(it)).source, 'rsa');
});

t.test('the shortest of setting, policy and end of the token counts', async (t) => {
  for (const [maxSeconds, cacheSeconds, expiresIn, kept] of [
    [5, 300, null, 5],
    [5, 2, null, 2],
    [5, 300, 3, 3],
    [1, 300, 300, 1],
    [5, 0, null, 0],
    [5, 300, 0, 0],
    [0, 300, null, 0],
  ] as const) {
    const it = setUp({ maxSeconds });
    await obtain(it, {}, { cacheSeconds, expiresIn });
    it.clock.advance(Math.max(kept * 1000 - 1, 0));
    const { source } = await obtain(it);
    t.equal(
      source,
      kept === 0 ? 'rsa' : 'cached',
      JSON.stringify([maxSeconds, cacheSeconds, expiresIn]),
    );
    if (kept === 0) continue;
    it.clock.advance(1);
    t.equal((await obtain(it)).source, 'rsa');
  }
});

t.test('no app profits from the entry of another, nor a client or type', async (t) => {
  const it = setUp();
  await obtain(it);
  for (const other of [
    { appKey: 'key-b' },
    { appKey: null },
    { appKey: 'null' },
    { appKey: '' },
    { clientId: 'acme2' },
    { clientId: 'ACME' },
    { tokenType: 'test2' },
    { clientId: 'acme","test', tokenType: '' },
    { clientId: 'acm', tokenType: 'etest' },
  ]) {
    t.equal((await obtain(it, other)).source, 'rsa', JSON.stringify(other));
  }
  t.equal((await obtain(it)).source, 'cached');
});

t.test('a hundred at once are one fetch', async (t) => {
  for (const maxSeconds of [0, 5]) {
    const it = setUp({ maxSeconds });
    const all = Array.from({ length: 100 }, () => it.cache.get(query()));
    it.give();
    const got = await Promise.all(all);
    t.equal(it.asked.length, 1);
    t.equal(new Set(got.map((one) => one.release)).size, 1);
  }
});

t.test('calls for other entries do not wait for a fetch', async (t) => {
  const it = setUp();
  const slow = it.cache.get(query());
  const other = it.cache.get(query({ clientId: 'other' }));
  t.equal(it.asked.length, 2);
  it.give();
  it.give();
  await Promise.all([slow, other]);
});

t.test('without a cache, one fetch serves the waiting calls and none after', async (t) => {
  const it = setUp({ maxSeconds: 0 });
  await obtain(it);
  await obtain(it);
  t.equal(it.asked.length, 2);
});

t.test('a rejection of one target does not reject another', async (t) => {
  for (const code of ['grant_denied', 'destination_denied', 'request_invalid'] as const) {
    const it = setUp();
    const leader = it.cache.get(query({ target: { ...target, method: 'DELETE' } }));
    const follower = it.cache.get(query());
    it.refuse(new ServiceError(code));
    await t.rejects(Promise.resolve(leader), { code });
    // Asked anew, for its own target.
    while (it.asked.length < 2) await Promise.resolve();
    t.strictSame(it.asked[1]?.target, target);
    it.give();
    t.equal((await follower).source, 'rsa');
    t.equal((await obtain(it)).source, 'cached');
  }
});

t.test('a failure of KeyServer is reported to all waiting calls, and not cached', async (t) => {
  for (const code of [
    'keyserver_unavailable',
    'token_not_found',
    'caller_unauthenticated',
  ] as const) {
    const it = setUp();
    const all = Array.from({ length: 10 }, () => it.cache.get(query()));
    it.refuse(new ServiceError(code));
    const settled = await Promise.allSettled(all);
    t.ok(settled.every((one) => one.status === 'rejected' && one.reason.code === code));
    t.equal(it.asked.length, 1);
    t.equal((await obtain(it)).source, 'rsa');
  }
});

t.test('is bounded, and the least recently used goes first', async (t) => {
  const it = setUp({ maxEntries: 3 });
  for (const clientId of ['a', 'b', 'c']) await obtain(it, { clientId });
  t.equal((await obtain(it, { clientId: 'a' })).source, 'cached');
  await obtain(it, { clientId: 'd' });
  t.equal((await obtain(it, { clientId: 'a' })).source, 'cached');
  t.equal((await obtain(it, { clientId: 'c' })).source, 'cached');
  t.equal((await obtain(it, { clientId: 'd' })).source, 'cached');
  t.equal((await obtain(it, { clientId: 'b' })).source, 'rsa');
});

t.test('under a lease it is kept for its own time, and no longer', async (t) => {
  for (const [cacheSeconds, expiresIn, kept] of [
    [60, null, 60],
    [300, null, 300],
    [300, 20, 20],
    [2, null, 2],
  ] as const) {
    const it = setUp();
    announce(it);
    await obtain(it, {}, { cacheSeconds, expiresIn, seq: 1 });
    for (let second = 1; second < kept; second++) {
      it.clock.advance(1_000);
      announce(it);
    }
    it.clock.advance(999);
    t.equal((await obtain(it)).source, 'cached', String(kept));
    it.clock.advance(1);
    t.equal((await obtain(it)).source, 'rsa', String(kept));
  }
});

t.test(
  'where the feed is cut it is used for five seconds at most, whatever its own time',
  async (t) => {
    for (const kept of [0, 1_000, 3_000]) {
      const it = setUp();
      announce(it);
      await obtain(it, {}, { cacheSeconds: 300, seq: 1 });
      it.clock.advance(kept);
      announce(it, { ageMs: 300 });
      it.clock.advance(4_699);
      t.equal((await obtain(it)).source, 'cached');
      it.clock.advance(301);
      t.equal((await obtain(it)).source, 'rsa', 'nor by its own five seconds, which are over');
    }
  },
);

t.test('without a lease it is kept for less by the age of what KeyServer knew', async (t) => {
  const it = setUp();
  await obtain(it, {}, { cacheSeconds: 60, ageMs: 700 });
  it.clock.advance(4_299);
  t.equal((await obtain(it)).source, 'cached');
  it.clock.advance(1);
  t.equal((await obtain(it)).source, 'rsa');
});

t.test('a lease that comes back brings back nothing that is older', async (t) => {
  const it = setUp();
  announce(it);
  await obtain(it, {}, { cacheSeconds: 300, seq: 1 });
  it.clock.advance(5_000);
  announce(it);
  t.equal((await obtain(it)).source, 'rsa');
});

t.test('each release that KeyServer gave makes its app key known, cached or not', async (t) => {
  for (const maxSeconds of [0, 5]) {
    const it = setUp({ maxSeconds });
    await obtain(it, {}, { app: 'app-1' });
    await obtain(it, { appKey: null, clientId: 'other' }, { app: 'anonymous' });
    const rejected = it.cache.get(query({ appKey: 'key-c' }));
    it.refuse(new ServiceError('caller_unauthenticated'));
    await t.rejects(Promise.resolve(rejected));
    t.same(it.learned, [
      ['key-a', 'app-1'],
      [null, 'anonymous'],
    ]);
  }
});

t.test('TOKEN_CACHE_SECONDS=0 keeps nothing, under a lease neither', async (t) => {
  const it = setUp({ maxSeconds: 0 });
  announce(it);
  await obtain(it, {}, { cacheSeconds: 300, seq: 1 });
  t.equal((await obtain(it)).source, 'rsa');
});

t.test('a change drops what it is about, and leaves the rest', async (t) => {
  for (const change of [
    { kind: 'token', id: 'acme', tokenType: 'test' },
    { kind: 'app', id: 'app-1' },
    { kind: 'type', id: 'test' },
  ]) {
    const it = setUp();
    announce(it);
    const other = { appKey: 'key-b', clientId: 'acme2', tokenType: 'test2' };
    await obtain(it, {}, { app: 'app-1' });
    await obtain(it, other, { app: 'app-2' });
    announce(it, { seq: 2, changes: [{ ...change, seq: 2 }] });
    t.equal((await obtain(it, other)).source, 'cached');
    t.equal((await obtain(it, {}, { app: 'app-1', seq: 2 })).source, 'rsa', change.kind);
    t.equal((await obtain(it)).source, 'cached', 'one that includes the change is kept');
  }
});

t.test('a change of the proxy itself, a reset and its end drop everything', async (t) => {
  for (const [why, drop] of Object.entries({
    proxy: (it) => announce(it, { seq: 2, changes: [{ seq: 2, kind: 'proxy', id: 'p' }] }),
    reset: (it) => announce(it, { reset: true }),
    revoked: (it) => it.known.revoke(),
  } satisfies Record<string, (it: AskedCache) => void>)) {
    const it = setUp();
    announce(it);
    for (const clientId of ['a', 'b']) await obtain(it, { clientId });
    drop(it);
    for (const clientId of ['a', 'b']) {
      t.equal((await obtain(it, { clientId }, { seq: 2 })).source, 'rsa', why);
    }
  }
});

t.test('a release that was revoked on its way is neither used nor cached', async (t) => {
  const it = setUp();
  announce(it);
  const all = Array.from({ length: 10 }, () => it.cache.get(query()));
  announce(it, { seq: 2, changes: [{ seq: 2, kind: 'app', id: 'orders' }] });
  it.give({ seq: 1 });
  await asks(it, 2);
  it.refuse(new ServiceError('caller_unauthenticated'));
  const settled = await Promise.allSettled(all);
  t.ok(settled.every((one) => one.status === 'rejected'));
  t.equal(it.asked.length, 2);
});

t.test('a release that was replaced on its way is fetched again', async (t) => {
  const it = setUp();
  announce(it);
  const got = it.cache.get(query());
  announce(it, { seq: 2, changes: [{ seq: 2, kind: 'token', id: 'acme', tokenType: 'test' }] });
  it.give({ seq: 1, fields: { token: 'old' } });
  await asks(it, 2);
  it.give({ seq: 2, fields: { token: 'new' } });
  t.same((await got).release.fields, { token: 'new' });
  t.same((await obtain(it)).release.fields, { token: 'new' });
});

t.test('a release that was on its way when everything was dropped is used once', async (t) => {
  const it = setUp();
  announce(it);
  const got = it.cache.get(query());
  announce(it, { reset: true });
  it.give({ seq: 1 });
  t.equal((await got).source, 'rsa');
  t.equal((await obtain(it)).source, 'rsa');
  t.equal((await obtain(it)).source, 'cached');
});

t.test('gives up on a KeyServer that stays behind its announcements', async (t) => {
  const it = setUp();
  announce(it, { seq: 2, changes: [] });
  const got = it.cache.get(query());
  const rejected = t.rejects(Promise.resolve(got), {
    code: 'keyserver_unavailable',
    options: { reason: 'release_outdated', retryAfterSeconds: 1 },
  });
  for (let count = 1; count <= 11; count++) {
    await asks(it, count);
    it.give({ seq: 1 });
  }
  await rejected;
  t.equal(it.asked.length, 11);
});
