import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { noPauses, testClock } from '../../support/clock.ts';
import { rsaPem, writeKeyFolder } from '../../support/key-folders.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import type { LogLine } from '../../support/log.ts';
import { plainPolicy } from '../../support/pair-state.ts';
import { startProxy, type TestProxyOptions } from '../../support/proxy.ts';
import { startSwitchboard } from '../../support/switchboard.ts';
import { startUpstream } from '../../support/upstream.ts';

const appKey = makeCallerKey('spk_');
const proxyKey = makeCallerKey('spx_');

/** A KeyServer with keys of its own and always the same callers, type and tokens. */
async function newKeyserver(t: Test, destination: string) {
  const folder = mkdtempSync(join(tmpdir(), 'rsa-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeKeyFolder(folder, { 'r.pem': rsaPem() });
  const keyserver = await startKeyserver(t, { settings: { RSA_KEY_DIR: folder } });
  await keyserver.putType('test', plainPolicy(destination));
  for (let i = 0; i < 20; i++) await keyserver.putToken(`client-${i}`, 'test', 'fixture-token');
  await keyserver.putApp('orders', { key: appKey });
  await keyserver.putProxy('edge', proxyKey);
  return keyserver;
}

interface SetUpOptions extends Partial<TestProxyOptions> {
  /** Pins the first KeyServer's key. */
  readonly pinned?: boolean;
}

async function setUp(t: Test, { pinned = false, ...options }: SetUpOptions = {}) {
  const upstream = await startUpstream(t);
  const first = await newKeyserver(t, upstream.url);
  const line = await startSwitchboard(t, first.url);
  const proxy = await startProxy(t, {
    keyserverUrl: line.url,
    proxyKey,
    ...options,
    settings: {
      TOKEN_CACHE_SECONDS: '0',
      ...(pinned && { PUBLIC_KEY_PINS: first.rsaKeys.primary.keyId }),
      ...options.settings,
    },
  });
  const call = (i = 0) =>
    proxy.call(
      { ClientId: `client-${i}`, TokenType: 'test', ApiUri: `${upstream.url}/` },
      { headers: ['x-key', appKey] },
    );
  const all = () => Promise.all(Array.from({ length: 20 }, (_, i) => call(i)));
  const keysFetched = () => proxy.log().filter(({ msg }) => msg === 'public key fetched').length;
  return { upstream, first, line, proxy, call, all, keysFetched };
}

/** True for KeyServer's line of a token that it gave out. */
function isReleased(line: LogLine): boolean {
  return line['url.template'] === '/' && line['http.response.status_code'] === 200;
}

t.test('a KeyServer with new keys is taken to within the same call', async (t) => {
  const { upstream, line, call, proxy, keysFetched } = await setUp(t);
  t.equal((await call()).status, 200);
  line.connectTo((await newKeyserver(t, upstream.url)).url);
  t.equal((await call()).status, 200);
  t.equal(keysFetched(), 2);
  t.equal((await call()).status, 200);
  t.equal(keysFetched(), 2);
  t.ok(proxy.log().some((entry) => entry['error.type'] === 'session_invalid'));
  const retries = async (place: number) => (await proxy.requestLine(place))['keyserver.retries'];
  t.equal(await retries(0), 0);
  t.ok(Number(await retries(1)) >= 1, 'the second session is a retry of the line');
  t.equal(await retries(2), 0);
});

t.test('many calls at once take to new keys by one fetch and one RSA exchange', async (t) => {
  // By a clock that goes on, a slow machine would ask about the app first.
  const { upstream, line, all, keysFetched } = await setUp(t, { clock: testClock() });
  const reasons = async () =>
    (await all()).map(({ status, problem }) => Object(problem).reason ?? status);
  const fine = Array(20).fill(200);
  t.same(await reasons(), fine);
  t.equal(keysFetched(), 1);
  const second = await newKeyserver(t, upstream.url);
  line.connectTo(second.url);
  t.same(await reasons(), fine);
  t.equal(keysFetched(), 2);
  const released = second.log().filter(isReleased);
  t.equal(released.filter(({ release }) => release === 'rsa').length, 1);
});

t.test(
  'a key that is not pinned is refused, and KeyServer does not count as reached',
  async (t) => {
    const { first, call, proxy } = await setUp(t, {
      settings: { PUBLIC_KEY_PINS: 'another-key-id' },
    });
    for (let i = 0; i < 2; i++) {
      t.match(await call(), {
        status: 503,
        problem: { code: 'keyserver_unavailable', reason: 'public_key_not_pinned' },
      });
    }
    t.notOk(proxy.client.acceptance.hasAccepted);
    t.ok(
      proxy
        .log()
        .some((line) => line.level === 'error' && line['error.reason'] === 'public_key_not_pinned'),
    );
    t.notOk(
      first.log().some((line) => line['url.template'] === '/'),
      'nothing was sent under it',
    );
  },
);

t.test('a pinned key is taken, and one that is put in its place later is not', async (t) => {
  const { upstream, first, line, call } = await setUp(t, { pinned: true });
  t.equal((await call()).status, 200);
  const imposter = await newKeyserver(t, upstream.url);
  line.connectTo(imposter.url);
  t.match(await call(), { status: 503, problem: { reason: 'public_key_not_pinned' } });
  t.notOk(imposter.log().some(isReleased), 'it opened nothing');
  line.connectTo(first.url);
  t.equal((await call()).status, 200);
  t.equal(upstream.requests.length, 2);
});

t.test('KeyServer away is keyserver_unavailable, and its return heals', async (t) => {
  const { upstream, first, line, call } = await setUp(t, {
    retryTimer: noPauses(),
  });
  t.equal((await call()).status, 200);
  line.connectTo(null);
  for (let i = 0; i < 2; i++) {
    const answer = await call();
    t.match(answer, {
      status: 503,
      problem: { code: 'keyserver_unavailable', reason: 'keyserver_unreachable' },
    });
    t.strictSame(answer.all('retry-after'), ['1']);
    t.strictSame(answer.all('proxy-status'), ['secureproxy; error=proxy_internal_response']);
  }
  line.connectTo(first.url);
  t.equal((await call()).status, 200);
  t.equal(upstream.requests.length, 2);
});

t.test('KeyServer away at the start heals too', async (t) => {
  const { first, line, call, proxy } = await setUp(t, {
    retryTimer: noPauses(),
  });
  line.connectTo(null);
  t.equal((await call()).status, 503);
  t.notOk(proxy.client.acceptance.hasAccepted);
  line.connectTo(first.url);
  t.equal((await call()).status, 200);
  t.ok(proxy.client.acceptance.hasAccepted);
});

t.test('a call that begins while KeyServer restarts is answered once it is back', async (t) => {
  const { first, line, call } = await setUp(t, { settings: { KEYSERVER_TIMEOUT_MS: '10000' } });
  t.equal((await call()).status, 200);
  line.connectTo(null);
  const answered = call();
  setTimeout(() => line.connectTo(first.url), 100);
  t.equal((await answered).status, 200);
});

t.test('what is cached is served while KeyServer is away', async (t) => {
  const { line, call } = await setUp(t, {
    settings: { TOKEN_CACHE_SECONDS: '5' },
    retryTimer: noPauses(),
  });
  t.equal((await call(1)).status, 200);
  line.connectTo(null);
  t.equal((await call(1)).status, 200);
  t.equal((await call(2)).status, 503);
});
