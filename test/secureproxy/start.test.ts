import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { readSecureproxySettings } from '../../secureproxy/read-settings.ts';
import { type SecureproxySurroundings, wireSecureproxy } from '../../secureproxy/start.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { testClock } from '../support/clock.ts';
import { capturedLog } from '../support/log.ts';
import { startNameServer } from '../support/name-server.ts';
import { pollUntil } from '../support/poll-until.ts';
import { releaseOf } from '../support/proxy.ts';
import { stillTimers } from '../support/timers.ts';

/** A SecureProxy without KeyServer, which ends after the test. */
async function wire(
  t: Test,
  settings: Environment,
  surroundings: Partial<SecureproxySurroundings> = {},
) {
  const { config } = readSecureproxySettings({
    PORT: '0',
    PUBLIC_KEY_URL: 'http://127.0.0.1:9/public_key',
    TOKEN_REQUEST_URL: 'http://127.0.0.1:9/',
    ...('PROXY_KEY_FILE' in settings ? {} : { PROXY_KEY: makeCallerKey('spx_') }),
    ...settings,
  });
  const { logger } = capturedLog('secureproxy');
  const proxy = await wireSecureproxy(config, { logger, ...surroundings });
  t.teardown(async () => {
    await proxy.app.close();
    await proxy.close();
  });
  return proxy;
}

type Wired = Awaited<ReturnType<typeof wire>>;
type Authority = NonNullable<SecureproxySurroundings['authority']>;

/** Calls a marketplace; resolves to status and problem. */
async function call({ app }: Wired, url = 'http://market.example/', key = makeCallerKey('spk_')) {
  const { statusCode, payload } = await app.inject({
    method: 'POST',
    url: '/request_api',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    payload: { ClientId: 'shop-1', TokenType: 'test', ApiUri: url },
  });
  return { status: statusCode, ...JSON.parse(payload) };
}

/** A KeyServer that knows every key, and permits calls to this place. */
const permitting = (origin: string): Authority => ({
  whoami: async () => ({ app: 'orders', cacheSeconds: 300, seq: 1, ageMs: 0 }),
  obtain: async () => ({ release: releaseOf({ destinations: [origin] }), source: 'rsa' }),
});

t.test('a look-up by the system is given up with its connection', async (t) => {
  const authority = permitting('http://market.example');
  const { promise, reject } = Promise.withResolvers<never>();
  t.teardown(() => reject(new Error('the test is over')));
  const settings = { UPSTREAM_CONNECT_TIMEOUT_MS: '200' };
  const proxy = await wire(t, settings, { authority, lookup: () => promise });
  t.match(await call(proxy), { status: 504, code: 'upstream_timeout' });
  // The next call has nothing to wait for.
  await stillTimers(t);
  const outcome = Promise.race([call(proxy), sleep(10_000, 'it waits', { ref: false })]);
  t.match(await outcome, { status: 504, reason: 'dns_timeout' });
});

t.test('calls share look-ups at UPSTREAM_DNS_SERVERS', async (t) => {
  const names = await startNameServer(t);
  const authority = permitting('http://market.example');
  const proxy = await wire(t, { UPSTREAM_DNS_SERVERS: names.address }, { authority });
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(proxy)));
  for (const { code } of answers) t.equal(code, 'upstream_unreachable');
  // One for each family, and again if the calls took longer than a failure is remembered.
  t.ok(names.asked.length <= 4, `${names.asked.length} questions`);
});

t.test('as many app keys are known as releases are cached', async (t) => {
  const asked: (string | null)[] = [];
  const authority: Authority = {
    whoami: async ({ appKey }) => {
      asked.push(appKey);
      return { app: 'orders', cacheSeconds: 300, seq: 1, ageMs: 0 };
    },
    obtain: () => Promise.reject(new ServiceError('grant_denied')),
  };
  const settings = { CALLS_MAX: '1', TOKEN_CACHE_MAX: '2' };
  const proxy = await wire(t, settings, { authority, clock: testClock() });
  const [a, b, c] = [makeCallerKey('spk_'), makeCallerKey('spk_'), makeCallerKey('spk_')];
  for (const key of [a, b, a, b, c, b, a]) {
    t.match(await call(proxy, undefined, key), { code: 'grant_denied' });
  }
  t.same(asked, [a, b, c, a]);
});

t.test('a new key in PROXY_KEY_FILE is tried at once', async (t) => {
  const file = join(t.testdir({}), 'proxy.key');
  writeFileSync(file, makeCallerKey('spx_'), { mode: 0o600 });
  const proxy = await wire(t, { PROXY_KEY_FILE: file, KEYSERVER_TIMEOUT_MS: '100' });
  const wake = mock.method(proxy.feed, 'wake');
  await proxy.start();
  const before = wake.mock.callCount();
  writeFileSync(file, makeCallerKey('spx_'));
  await pollUntil(
    'the feed is woken',
    () => wake.mock.callCount(),
    (count) => count > before,
    20_000,
  );
});
