import t, { type Test } from 'tap';
import { ChangePoll } from '../../../keyserver/changes/poll.ts';
import { ChangeFeed } from '../../../secureproxy/releases/change-feed.ts';
import { KnownChanges } from '../../../secureproxy/releases/known-changes.ts';
import type { Clock } from '../../../shared/clock.ts';
import { ServiceError } from '../../../shared/errors.ts';
import type { Changes } from '../../../shared/protocol/change-messages.ts';
import { noPauses, testClock } from '../../support/clock.ts';
import { callerKey, everything, startKeyserver } from '../../support/keyserver.ts';
import { capturedLog } from '../../support/log.ts';
import { loopback, startProxy } from '../../support/proxy.ts';
import { startSwitchboard } from '../../support/switchboard.ts';
import { until } from '../../support/until.ts';
import { answer, startUpstream } from '../../support/upstream.ts';

const clientId = 'shop-1';

/** Both services on one clock that the test turns; the policy allows to keep releases for minutes. */
async function setUp(t: Test, settings: Readonly<Record<string, string>> = {}) {
  const clock = testClock();
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t, { clock, pollClock: clock });
  const policy = {
    destinations: [upstream.url],
    unsafePlaintext: true,
    unsafeAllowPrivate: loopback,
    cacheSeconds: 300,
  };
  await keyserver.putType('test', policy);
  await keyserver.putToken(clientId, 'test', 'fixture-token');
  const appKey = await keyserver.putApp('orders');
  const proxyKey = await keyserver.putProxy('edge');
  await keyserver.refresh();
  const line = await startSwitchboard(t, keyserver.url);
  const proxy = await startProxy(t, {
    keyserverUrl: line.url,
    proxyKey,
    clock,
    retryTimer: noPauses(),
    settings: { KEYSERVER_TIMEOUT_MS: '1500', ...settings },
  });
  const call = async () => {
    const { status } = await proxy.call(
      { ClientId: clientId, TokenType: 'test', ApiUri: `${upstream.url}/` },
      { headers: ['x-key', appKey] },
    );
    return status;
  };
  /** Lets time pass, in steps of `stepMs`; on each, what is due happens and the app calls. */
  const run = async (steps: number, stepMs: number, due: (ms: number) => Promise<unknown>) => {
    let lastUsedAt = -Infinity;
    for (let ms = 0; ms <= steps * stepMs; ms += stepMs) {
      await due(ms);
      if ((await call()) === 200) lastUsedAt = ms;
      clock.advance(stepMs);
    }
    return lastUsedAt;
  };
  const revocations: Readonly<Record<string, () => Promise<unknown>>> = {
    app: () => keyserver.store.editDocument('app', 'orders', () => undefined),
    type: () => keyserver.store.editDocument('type', 'test', () => undefined),
    proxy: () => keyserver.store.editDocument('proxy', 'edge', () => undefined),
    token: () => keyserver.store.deleteToken(clientId, 'test'),
  };
  return { clock, upstream, keyserver, line, proxy, appKey, policy, call, run, revocations };
}

/** Pauses that the clock ends, one at a time. */
function pausesBy(clock: Pick<Clock, 'monotonic'>) {
  let pause: { readonly until: number; readonly end: () => void } | undefined;
  return {
    sleep: (ms: number, signal: AbortSignal) =>
      new Promise<void>((end) => {
        signal.addEventListener('abort', () => end(), { once: true });
        pause = { until: clock.monotonic() + ms, end };
      }),
    /** If the pause is over, resolves once the next one has begun. */
    async endIfDue() {
      await until(() => pause !== undefined);
      if (pause === undefined || clock.monotonic() < pause.until) return;
      const { end } = pause;
      pause = undefined;
      end();
      await until(() => pause !== undefined);
    },
  };
}

const kinds = ['app', 'type', 'proxy', 'token'] as const;

t.test('a revocation takes effect within two seconds, at any moment', async (t) => {
  for (const [i, kind] of kinds.entries()) {
    const { clock, keyserver, proxy, run, call, revocations } = await setUp(t);
    await proxy.feed.ask();
    clock.advance(6_000);
    await keyserver.refresh();
    await proxy.feed.ask();
    t.equal(await call(), 200);
    const pauses = pausesBy(clock);
    const { store, registry } = keyserver;
    const { logger } = capturedLog('keyserver');
    const poll = new ChangePoll(store, registry, logger, { migrate: false, sleep: pauses.sleep });
    t.teardown(() => poll.stop());
    await poll.start();
    let askedAgainAt = 0;
    // Both ask as often as they will; the first revocation is just missed by both.
    const revokedAt = 50 + i * 250;
    const lastUsedAt = await run(52, 50, async (ms) => {
      await pauses.endIfDue();
      if (ms === askedAgainAt) askedAgainAt += await proxy.feed.ask();
      if (ms === revokedAt) await revocations[kind]?.();
    });
    t.ok(lastUsedAt >= revokedAt, `${kind}: was kept when it was revoked`);
    t.ok(lastUsedAt - revokedAt < 2_000, `${kind}: used ${lastUsedAt - revokedAt} ms longer`);
  }
});

t.test(
  'and within five while the feed is cut, whether it was kept before or fetched since',
  async (t) => {
    for (const [what, cut] of Object.entries({
      'nobody is reached': async ({ line }) => line.connectTo(null),
      'only the feed is cut': async () => undefined,
      'the database of KeyServer is cut': async () => undefined,
    } satisfies Record<string, (it: Awaited<ReturnType<typeof setUp>>) => Promise<void>>)) {
      const it = await setUp(t);
      const { clock, keyserver, proxy, run, call, revocations } = it;
      await proxy.feed.ask();
      clock.advance(6_000);
      await keyserver.refresh();
      await proxy.feed.ask();
      t.equal(await call(), 200);
      clock.advance(200);
      await cut(it);
      const isDatabaseCut = what.includes('database');
      const revokedAt = 100;
      const lastUsedAt = await run(70, 100, async (ms) => {
        if (ms === revokedAt) await revocations.app?.();
        if (ms > revokedAt && ms % 500 === 400 && !isDatabaseCut) await keyserver.refresh();
        if (isDatabaseCut && ms % 1_000 === 0) await proxy.feed.ask();
      });
      t.ok(lastUsedAt >= revokedAt, `${what}: was kept when it was revoked`);
      t.ok(lastUsedAt - revokedAt < 5_000, `${what}: used ${lastUsedAt - revokedAt} ms longer`);
    }
  },
);

t.test('what is not revoked is kept for its own time, with one fetch', async (t) => {
  const { clock, keyserver, proxy, run } = await setUp(t);
  await proxy.feed.ask();
  clock.advance(6_000);
  await run(60, 1_000, async (ms) => {
    await keyserver.refresh();
    await proxy.feed.ask();
    if (ms % 5_000 === 0) await keyserver.putToken(`other-${ms}`, 'test', 'x');
  });
  const releases = proxy.log().filter((line) => line.msg === 'request');
  t.equal(releases.filter((line) => line.release === 'cached').length, releases.length - 1);
});

t.test('KeyServer has everything dropped once after its start', async (t) => {
  const { keyserver, proxy, run } = await setUp(t);
  await run(5, 900, async () => {
    await keyserver.refresh();
    await proxy.feed.ask();
  });
  const releases = proxy.log().filter((line) => line.msg === 'request');
  t.equal(releases.filter((line) => line.release === 'cached').length, releases.length - 1);
});

t.test('a new grant, policy and token are used from the next question on', async (t) => {
  const { clock, keyserver, proxy, upstream, appKey, policy, call } = await setUp(t);
  await proxy.feed.ask();
  clock.advance(6_000);
  await keyserver.refresh();
  await proxy.feed.ask();
  t.equal(await call(), 200);
  await keyserver.putToken(clientId, 'test', 'second-fixture');
  await keyserver.refresh();
  await proxy.feed.ask();
  t.equal(await call(), 200);
  t.same(upstream.requests.at(-1)?.all('authorization'), ['Bearer second-fixture']);
  await keyserver.putType('test', { ...policy, destinations: ['https://elsewhere.example'] });
  await proxy.feed.ask();
  t.equal(await call(), 403);
  await keyserver.putType('test', policy);
  await keyserver.putApp('orders', { key: appKey, grants: [{ client: 'other', type: '*' }] });
  await proxy.feed.ask();
  t.equal(await call(), 403);
});

t.test('an app key that ends is not used from a kept release', async (t) => {
  const { clock, keyserver, proxy, appKey, call } = await setUp(t);
  await keyserver.putDocument('app', 'orders', {
    keys: [callerKey(appKey, new Date(clock.now() + 8_000).toISOString())],
    grants: everything,
  });
  await proxy.feed.ask();
  for (let second = 0; second < 8; second++) {
    t.equal(await call(), 200);
    clock.advance(1_000);
    await keyserver.refresh();
    await proxy.feed.ask();
  }
  t.equal(await call(), 401);
});

t.test('it asks a second after it asked, however slow the answer', async (t) => {
  const clock = testClock();
  const { logger } = capturedLog('secureproxy');
  const pauses: number[] = [];
  let tookMs = 300;
  const feed = new ChangeFeed({
    client: {
      changes: async () => {
        clock.advance(tookMs);
        return { seq: 1, changes: [], ageMs: 0 };
      },
    },
    known: new KnownChanges(clock),
    clock,
    log: logger,
    sleep: async (ms) => {
      pauses.push(ms);
      tookMs += 400;
      if (pauses.length === 3) feed.stop();
    },
  });
  feed.start();
  await until(() => pauses.length === 3);
  t.same(pauses, [700, 300, 0]);
});

t.test('an outage and its end are reported once', async (t) => {
  const { proxy, keyserver, line } = await setUp(t);
  await proxy.feed.ask();
  line.connectTo(null);
  for (let i = 0; i < 3; i++) t.equal(await proxy.feed.ask(), 1_000);
  line.connectTo(keyserver.url);
  await proxy.feed.ask();
  await proxy.feed.ask();
  const said = proxy.log().filter(({ msg }) => /change feed/.test(String(msg)));
  t.match(said, [
    { level: 'warn', msg: 'change feed cut', 'error.reason': 'keyserver_unreachable' },
    { level: 'info', msg: 'change feed is back' },
  ]);
  t.equal(said.length, 2);
});

t.test('a proxy that KeyServer no longer knows drops everything, and asks seldom', async (t) => {
  const { clock, proxy, keyserver, call } = await setUp(t);
  await proxy.feed.ask();
  clock.advance(1_000);
  t.equal(await call(), 200);
  await keyserver.deleteDocument('proxy', 'edge');
  t.equal(await proxy.feed.ask(), 10_000);
  t.notOk(proxy.known.isLeased);
  t.equal(await call(), 503);
  t.match(
    proxy.log().find(({ msg }) => msg === 'change feed cut'),
    {
      'error.reason': 'proxy_unknown',
    },
  );
});

t.test('a KeyServer without a feed counts as a cut feed, and is reported once', async (t) => {
  const { clock, proxy, keyserver, line, call } = await setUp(t);
  const older = await startUpstream(t);
  const publicKey = await (await fetch(`${keyserver.url}/public_key`)).text();
  const releases: string[] = [];
  older.script(async (socket, { target, body }) => {
    if (target === '/changes' || target === '/whoami') {
      socket.write(answer(404, JSON.stringify({ code: 'route_not_found', requestId: 'x' })));
    } else if (target === '/public_key') socket.write(answer(200, publicKey));
    else {
      const given = await fetch(keyserver.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      releases.push(target);
      socket.write(answer(given.status, await given.text()));
    }
  });
  line.connectTo(older.url);
  t.equal(await proxy.feed.ask(), 10_000);
  await proxy.feed.ask();
  t.notOk(proxy.known.isLeased);
  for (const [passed, fetches] of [
    [0, 1],
    [4_900, 1],
    [100, 2],
  ] as const) {
    clock.advance(passed);
    await keyserver.refresh();
    t.equal(await call(), 200);
    t.equal(releases.length, fetches);
  }
  const said = proxy.log().filter(({ msg }) => /change feed/.test(String(msg)));
  t.match(said, [{ level: 'warn', msg: 'KeyServer has no change feed' }]);
  t.equal(said.length, 1);
});

/** A feed whose questions are answered by hand. */
function byHand() {
  const clock = testClock();
  const known = new KnownChanges(clock);
  const asked: PromiseWithResolvers<Changes>[] = [];
  const log = capturedLog('secureproxy');
  const client = {
    changes: () => {
      const next = Promise.withResolvers<Changes>();
      asked.push(next);
      return next.promise;
    },
  };
  const feed = new ChangeFeed({ client, known, clock, log: log.logger });
  return { clock, known, asked, feed, log };
}

t.test('the lease counts from when it was asked, not from the answer', async (t) => {
  const { clock, known, asked, feed } = byHand();
  const asking = feed.ask();
  clock.advance(1_500);
  asked[0]?.resolve({ seq: 1, changes: [], ageMs: 0 });
  await asking;
  clock.advance(3_499);
  t.ok(known.isLeased);
  clock.advance(1);
  t.notOk(known.isLeased);
});

t.test('no question is asked while one is on its way, and none after the end', async (t) => {
  const { clock, asked, feed, log } = byHand();
  feed.start();
  t.equal(asked.length, 1);
  // So late that the next is due at once.
  clock.advance(30_000);
  await new Promise(setImmediate);
  t.equal(asked.length, 1);
  asked[0]?.resolve({ seq: 1, changes: [], ageMs: 0 });
  await until(() => asked.length === 2);
  feed.stop();
  asked[1]?.reject(new ServiceError('keyserver_unavailable'));
  await new Promise(setImmediate);
  t.equal(asked.length, 2);
  t.same(log.lines(), [], 'what fails at the end is no outage');
});

t.test('a revoked app does not come back by a KeyServer whose replica lags', async (t) => {
  const { clock, keyserver, line, proxy, call, revocations } = await setUp(t);
  const position = await keyserver.store.position();
  const documents = await keyserver.store.documents();
  const lagging = await startKeyserver(t, {
    clock,
    pollClock: clock,
    settings: keyserver.settings,
    store: {
      ...keyserver.store,
      position: async () => position,
      documents: async () => documents,
    },
  });
  await proxy.feed.ask();
  clock.advance(6_000);
  await Promise.all([keyserver.refresh(), lagging.refresh()]);
  await proxy.feed.ask();
  t.equal(await call(), 200);
  await revocations.app?.();
  await keyserver.refresh();
  await proxy.feed.ask();
  t.equal(await call(), 401);
  line.connectTo(lagging.url);
  await lagging.refresh();
  for (let i = 0; i < 2; i += 1) {
    await proxy.feed.ask();
    // 401 while the rejected key is remembered; then 503, since the answers are older than the revocation.
    t.not(await call(), 200);
  }
  t.match(
    proxy.log().filter(({ msg }) => msg === 'KeyServer is behind what another has told'),
    [{ level: 'warn', seq: position.seq, seen: position.seq + 1 }],
  );
  t.equal(
    lagging.log().filter(({ msg }) => msg === 'database behind what a proxy has seen').length,
    1,
  );
  line.connectTo(keyserver.url);
  await proxy.feed.ask();
  t.equal(await call(), 401);
});

t.test('/metrics says in seconds how old the known changes are', async (t) => {
  const clock = testClock();
  const proxy = await startProxy(t, { clock });
  proxy.known.take({ seq: 1, changes: [], ageMs: 500 }, clock.monotonic());
  clock.advance(2_000);
  t.match((await proxy.send('/metrics')).text, /^secureproxy_changes_age_seconds 2\.5$/m);
});
