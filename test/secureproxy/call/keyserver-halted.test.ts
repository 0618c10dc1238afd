import t, { type Test } from 'tap';
import { testClock } from '../../support/clock.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { plainPolicy } from '../../support/pair-state.ts';
import { begin, startProxy } from '../../support/proxy.ts';
import { startTcpForwarder } from '../../support/tcp-forwarder.ts';
import { startUpstream } from '../../support/upstream.ts';

const callsMax = 64;

/** Two apps at a proxy whose KeyServer can be halted; no answer of it lapses. */
async function setUp(t: Test) {
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  await keyserver.putType('test', plainPolicy(upstream.url));
  await keyserver.putToken('acme', 'test', 'fixture-token');
  const keys = {
    greedy: await keyserver.putApp('greedy'),
    quiet: await keyserver.putApp('quiet'),
  };
  const forwarder = await startTcpForwarder(t, [Number(new URL(keyserver.url).port)]);
  const proxy = await startProxy(t, {
    keyserverUrl: `http://127.0.0.1:${forwarder.port}`,
    proxyKey: await keyserver.putProxy('edge'),
    clock: testClock(),
    settings: {
      CALLS_MAX: String(callsMax),
      // Each question of the greedy app is asked at once: one that waited for a connection would end after 2 s.
      KEYSERVER_CONNECTIONS: String(callsMax * 4),
      KEYSERVER_TIMEOUT_MS: '60000',
    },
  });
  const sent = (app: keyof typeof keys, ClientId: string) => ({
    method: 'POST',
    headers: ['content-type', 'application/json', 'authorization', `Bearer ${keys[app]}`],
    body: JSON.stringify({ ClientId, TokenType: 'test', ApiUri: `${upstream.url}/` }),
  });
  return {
    forwarder,
    call: (app: keyof typeof keys, path = '/request_api') => proxy.send(path, sent(app, 'acme')),
    /** Begins calls for tokens that no release is cached of. */
    occupy: (path: string) => {
      const begun = Array.from({ length: callsMax * 2 }, (_, i) =>
        begin(proxy.url + path, sent('greedy', `c-${i}`)),
      );
      t.teardown(() => {
        for (const { request } of begun) request.destroy();
      });
    },
  };
}

for (const path of ['/request_api', '/explain']) {
  t.test(`an app whose ${path} waits for KeyServer leaves places to others`, async (t) => {
    const { forwarder, call, occupy } = await setUp(t);
    for (const app of ['greedy', 'quiet'] as const) t.match(await call(app), { status: 200 });
    const goOn = forwarder.halt();
    occupy(path);
    for (let i = 0; i < 100; i++) t.match(await call('quiet'), { status: 200 });
    t.match(await call('greedy', path), { status: 503, problem: { reason: 'app_share' } });
    goOn();
  });
}
