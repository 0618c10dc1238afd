import t from 'tap';
import type { ReleaseQuery } from '../../../secureproxy/keyserver-client/client.ts';
import { ServiceError } from '../../../shared/errors.ts';
import type { Release } from '../../../shared/protocol/messages.ts';
import { until } from '../../support/until.ts';
import { type AskedCache, announce, asks, obtain, query, setUp } from './asked-cache.ts';

/** A cache under a lease, with a release that may be used for so many seconds. */
async function leased(cacheSeconds: number, more: Partial<Release> = {}, random = 0) {
  const it = setUp({ random: () => random });
  announce(it);
  await obtain(it, {}, { cacheSeconds, ...more });
  return it;
}

/** Lets time pass, under a lease if there was one. */
function pass(it: AskedCache, seconds: number) {
  const { isLeased } = it.known;
  for (let second = 0; second < seconds; second++) {
    it.clock.advance(1000);
    if (isLeased) announce(it);
  }
}

/** A call: uses the cached release, which must be there. */
function use({ cache }: AskedCache, more: Partial<ReleaseQuery> = {}) {
  const cached = cache.cached(query(more));
  if (cached === undefined) throw new Error('nothing is cached');
  cache.refreshIfDue(cached, () => query(more));
  return cached.release;
}

/** Waits until so many refreshes have ended. */
async function refreshes({ refreshed }: AskedCache, count: number) {
  await until(() => refreshed.length >= count);
}

t.test('a release in use is replaced before it lapses, and no call waits', async (t) => {
  const it = await leased(60, { fields: { token: 'old' } });
  pass(it, 44);
  use(it);
  t.equal(it.asked.length, 1, 'not before the last quarter');
  pass(it, 1);
  t.same(use(it).fields, { token: 'old' });
  t.equal(it.asked.length, 2);
  it.give({ cacheSeconds: 60, fields: { token: 'new' } });
  await refreshes(it, 1);
  t.same(it.refreshed, ['renewed']);
  for (let second = 0; second < 44; second++) {
    t.same(use(it).fields, { token: 'new' });
    pass(it, 1);
  }
  t.equal(it.asked.length, 2, 'its own time counts from the refresh');
  t.equal(it.learned.length, 2, 'the app key stays known');
});

t.test('some are refreshed later than others, and all before they lapse', async (t) => {
  const it = await leased(60, {}, 1);
  pass(it, 53);
  use(it);
  t.equal(it.asked.length, 1);
  pass(it, 1);
  use(it);
  t.equal(it.asked.length, 2);
});

t.test('while the feed is cut it is refreshed within its five seconds', async (t) => {
  const it = setUp();
  await obtain(it, {}, { cacheSeconds: 60 });
  it.clock.advance(3749);
  use(it);
  t.equal(it.asked.length, 1);
  it.clock.advance(1);
  use(it);
  t.equal(it.asked.length, 2);
});

t.test('nothing is asked for a release that no call uses late in its time', async (t) => {
  const it = await leased(60);
  pass(it, 44);
  use(it);
  pass(it, 16);
  t.equal(it.asked.length, 1);
  t.equal(it.cache.cached(query()), undefined);
});

t.test('a refresh is asked for once, whatever comes of it', async (t) => {
  const it = await leased(60);
  pass(it, 45);
  for (let call = 0; call < 100; call++) use(it);
  t.equal(it.asked.length, 2, 'one at a time');
  it.refuse(new ServiceError('keyserver_unavailable'));
  await refreshes(it, 1);
  pass(it, 14);
  for (let call = 0; call < 100; call++) use(it);
  t.equal(it.asked.length, 2, 'once per release');
});

t.test(
  'a release in use of each app, client and type is refreshed with its own names',
  async (t) => {
    const it = await leased(60);
    const other = { appKey: 'key-b', clientId: 'acme2' };
    await obtain(it, other, { cacheSeconds: 60 });
    pass(it, 45);
    use(it, other);
    use(it);
    t.match(it.asked.slice(2), [other, { appKey: 'key-a', clientId: 'acme' }]);
  },
);

t.test('a failed refresh leaves the old release for its time, and no longer', async (t) => {
  for (const code of ['keyserver_unavailable', 'overloaded', 'internal'] as const) {
    const it = await leased(60);
    pass(it, 45);
    use(it);
    it.refuse(new ServiceError(code));
    await refreshes(it, 1);
    t.same(it.refreshed, ['failed'], code);
    pass(it, 14);
    use(it);
    pass(it, 1);
    t.equal((await obtain(it)).source, 'rsa', code);
  }
});

t.test('a refusal takes the release away at once', async (t) => {
  for (const error of [
    new ServiceError('caller_unauthenticated'),
    new ServiceError('grant_denied'),
    new ServiceError('token_not_found'),
    new ServiceError('token_expired'),
    new ServiceError('integrity_failed'),
    new ServiceError('keyserver_unavailable', { reason: 'proxy_unknown' }),
  ]) {
    const it = await leased(60);
    pass(it, 45);
    use(it);
    it.refuse(error);
    await refreshes(it, 1);
    t.same(it.refreshed, ['refused'], error.code);
    t.equal(it.cache.cached(query()), undefined, error.code);
  }
});

t.test('an old refusal does not take away a release that came after it', async (t) => {
  const it = await leased(60);
  pass(it, 45);
  use(it);
  announce(it, { seq: 2, changes: [{ seq: 2, kind: 'app', id: 'orders' }] });
  const running = it.cache.get(query({ isUrgent: true }));
  it.giveLast({ cacheSeconds: 60, seq: 2 });
  await running;
  it.refuse(new ServiceError('caller_unauthenticated'));
  await refreshes(it, 1);
  t.equal(use(it).seq, 2);
});

t.test('a change takes effect at once, also while the refresh is on its way', async (t) => {
  const it = await leased(60);
  pass(it, 45);
  use(it);
  announce(it, { seq: 2, changes: [{ seq: 2, kind: 'app', id: 'orders' }] });
  t.equal(it.cache.cached(query()), undefined);
  const got = it.cache.get(query());
  it.give({ seq: 1, fields: { token: 'old' } });
  await asks(it, 3);
  it.give({ seq: 2, fields: { token: 'new' } });
  t.same((await got).release.fields, { token: 'new' });
  t.equal(it.asked.length, 3);
});

t.test('a KeyServer that hangs delays no call until the release lapses', async (t) => {
  const it = await leased(60);
  pass(it, 45);
  for (let second = 0; second < 15; second++) {
    use(it);
    pass(it, 1);
  }
  const all = Array.from({ length: 10 }, () => it.cache.get(query()));
  t.equal(it.asked.length, 2, 'calls wait for the question that is on its way');
  it.give({ cacheSeconds: 60 });
  for (const one of await Promise.all(all)) t.equal(one.source, 'rsa');
  use(it);
});

t.test('calls that waited for a failed refresh ask once more, all together', async (t) => {
  const it = await leased(60);
  pass(it, 45);
  use(it);
  pass(it, 15);
  const all = Array.from({ length: 10 }, () => it.cache.get(query()));
  it.refuse(new ServiceError('keyserver_unavailable'));
  await asks(it, 3);
  it.give();
  for (const one of await Promise.all(all)) t.equal(one.source, 'rsa');
  t.equal(it.asked.length, 3);
});

t.test('the end of a token is not asked for again and again', async (t) => {
  for (const expiresIn of [20, 60]) {
    const it = await leased(60, { expiresIn });
    for (let second = 1; second < expiresIn; second++) {
      pass(it, 1);
      use(it);
    }
    t.equal(it.asked.length, 1);
  }
});

t.test('nothing is refreshed once the process is told to end', async (t) => {
  const it = await leased(60);
  pass(it, 45);
  it.end();
  use(it);
  t.equal(it.asked.length, 1);
});

t.test('one refresh at a time, also of a release that replaced the one before', async (t) => {
  const it = await leased(60);
  pass(it, 45);
  use(it);
  const urgent = it.cache.get(query({ isUrgent: true }));
  announce(it, { seq: 2, changes: [{ seq: 2, kind: 'app', id: 'orders' }] });
  it.giveLast({ cacheSeconds: 8, seq: 2 });
  await urgent;
  pass(it, 7);
  const { length } = it.asked;
  use(it);
  t.equal(it.asked.length, length);
});

t.test('a release that is not cached is not refreshed', async (t) => {
  const it = setUp({ maxSeconds: 0 });
  const obtained = await obtain(it);
  it.cache.refreshIfDue(obtained, query);
  t.equal(it.asked.length, 1);
});
