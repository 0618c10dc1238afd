import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { noPauses, testClock } from '../../support/clock.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { plainPolicy } from '../../support/pair-state.ts';
import { startProxy } from '../../support/proxy.ts';
import { startSwitchboard } from '../../support/switchboard.ts';
import { startUpstream } from '../../support/upstream.ts';

const ready = { status: 'ready', checks: { keyserver: 'reached' } };

const readyMessage = 'ready: calls work';
const unreadyMessage = 'not ready: calls fail';

/** Both services on one clock, the proxy's wall clock apart from it at will; the test asks for changes. */
async function setUp(t: Test, settings: Readonly<Record<string, string>> = {}) {
  const clock = testClock();
  const proxyClock = testClock();
  const keyserver = await startKeyserver(t, { clock, pollClock: clock });
  const upstream = await startUpstream(t);
  await keyserver.putType('test', plainPolicy(upstream.url));
  await keyserver.putToken('shop-1', 'test', 'fixture-token');
  const appKey = await keyserver.putApp('orders');
  const proxyKey = await keyserver.putProxy('edge');
  await keyserver.refresh();
  const line = await startSwitchboard(t, keyserver.url);
  const proxy = await startProxy(t, {
    keyserverUrl: line.url,
    proxyKey,
    clock: proxyClock,
    retryTimer: noPauses(),
    settings,
  });
  const { feed, link } = proxy;
  const ask = async () => {
    await feed.ask();
    link.tell();
    return link.readiness();
  };
  /** Lets seconds pass, in which KeyServer polls its database, or does not. */
  const pass = async (seconds: number, polls = true) => {
    for (let i = 0; i < seconds; i++) {
      clock.advance(1_000);
      proxyClock.advance(1_000);
      if (polls) await keyserver.refresh();
      await ask();
    }
    return link.readiness();
  };
  const call = async (options: { readonly key?: string } = {}) => {
    const answer = await proxy.call(
      { ClientId: 'shop-1', TokenType: 'test', ApiUri: `${upstream.url}/` },
      { headers: ['x-key', options.key ?? appKey] },
    );
    return answer.status;
  };
  const told = () =>
    proxy.log().filter(({ msg }) => msg === readyMessage || msg === unreadyMessage);
  const said = () => told().map((line) => [line.level, line.msg, Object(line.checks).keyserver]);
  return { keyserver, proxy, proxyClock, proxyKey, line, link, told, said, ask, pass, call };
}

const begins = ['info', readyMessage, 'reached'];
const failed = (word: string) => ['error', unreadyMessage, word];

t.test('unready until KeyServer has accepted this proxy', async (t) => {
  const { link, line, keyserver, ask, said } = await setUp(t);
  const unready = { status: 'unready', checks: { keyserver: 'not_reached' } };
  t.same(link.readiness(), unready);
  line.connectTo(null);
  t.same(await ask(), { ...unready, detail: 'KeyServer does not answer.' });
  line.connectTo(keyserver.url);
  t.same(await ask(), ready);
  t.same(said(), [failed('not_reached'), begins]);
});

t.test('away: degraded while releases are cached, then unready, until it is back', async (t) => {
  const { keyserver, line, ask, pass, call, said, told } = await setUp(t);
  await ask();
  await pass(6);
  t.equal(await call(), 200);
  line.connectTo(null);
  t.same(await ask(), {
    status: 'degraded',
    checks: { keyserver: 'unreachable' },
    detail: 'KeyServer does not answer.',
  });
  t.equal(await call(), 200, 'from the cache');
  t.match(await pass(4), { status: 'degraded' });
  t.equal(await call(), 200, 'from the cache');
  t.match(await pass(1), { status: 'unready', checks: { keyserver: 'unreachable' } });
  t.equal(await call(), 503);
  t.match(await pass(3), { status: 'unready' });
  line.connectTo(keyserver.url);
  t.same(await ask(), ready);
  t.equal(await call(), 200);
  t.same(said(), [begins, failed('unreachable'), begins], 'each change once');
  const [, line2] = told();
  t.match(line2, { err: { message: /^KeyServer does not answer: .+/ } });
  t.notOk(Object(line2?.err).stack, 'an outage needs no stack');
});

t.test('an unknown key: unready, and ready again once it is known', async (t) => {
  const { keyserver, proxyKey, ask, pass, call, said } = await setUp(t);
  await ask();
  await pass(6);
  t.equal(await call(), 200);
  await keyserver.deleteDocument('proxy', 'edge');
  await ask();
  t.same(await pass(2), {
    status: 'unready',
    checks: { keyserver: 'proxy_unknown' },
    detail: 'KeyServer does not know this proxy: check PROXY_KEY.',
  });
  t.equal(await call(), 503);
  await keyserver.putProxy('edge', proxyKey);
  t.same(await ask(), ready);
  t.equal(await call(), 200);
  t.same(said(), [begins, failed('proxy_unknown'), begins]);
});

for (const [seconds, words] of [
  [120, "SecureProxy's clock is 120 s ahead of KeyServer's: synchronise both clocks."],
  [-86_400, "SecureProxy's clock is 86400 s behind KeyServer's: synchronise both clocks."],
] as const) {
  t.test(`a clock ${seconds} s off: unready, and says by how much`, async (t) => {
    const { proxyClock, ask, pass, call, said } = await setUp(t);
    await ask();
    await pass(6);
    proxyClock.step(seconds * 1000);
    t.match(await ask(), { status: 'degraded' });
    t.same(await pass(6), {
      status: 'unready',
      checks: { keyserver: 'clock_skew' },
      detail: words,
    });
    t.equal(await call(), 503);
    proxyClock.step(-seconds * 1000);
    t.same(await ask(), ready);
    t.equal(await call(), 200);
    t.same(said(), [begins, failed('clock_skew'), begins]);
  });
}

t.test('the database of KeyServer away for longer than releases are kept: unready', async (t) => {
  const { keyserver, ask, pass, call, said } = await setUp(t);
  await ask();
  await pass(6);
  t.equal(await call(), 200);
  t.same(await pass(4, false), ready);
  t.equal(await call(), 200);
  t.match(await pass(3, false), {
    status: 'unready',
    checks: { keyserver: 'keyserver_unavailable' },
    detail: /^KeyServer cannot answer now: KeyServer cannot check whether/,
  });
  t.equal(await call(), 503);
  await keyserver.refresh();
  t.same(await ask(), ready);
  t.equal(await call(), 200);
  t.same(said(), [begins, failed('keyserver_unavailable'), begins]);
});

t.test('without a cache, an outage is unready as soon as it lasts', async (t) => {
  const { keyserver, line, ask, pass } = await setUp(t, { TOKEN_CACHE_SECONDS: '0' });
  await ask();
  line.connectTo(null);
  t.match(await ask(), { status: 'degraded' }, 'one failed question is no outage');
  t.match(await pass(2), { status: 'unready' });
  line.connectTo(keyserver.url);
  t.same(await ask(), ready);
});

t.test('refusals of a call say nothing against the proxy, a success of one heals', async (t) => {
  const { proxy, ask, call, line, keyserver, link } = await setUp(t);
  await ask();
  t.equal(await call({ key: 'spk_unknown' }), 401);
  t.same(link.readiness(), ready);
  line.connectTo(null);
  t.match(await ask(), { status: 'degraded' });
  line.connectTo(keyserver.url);
  t.equal(await call(), 200);
  t.same(link.readiness(), ready);
  t.ok(proxy.client.acceptance.hasAccepted);
});

t.test('an answer of a load balancer in front of KeyServer does not count', async (t) => {
  const { line, ask, pass } = await setUp(t);
  await ask();
  const balancer = createServer((_request, response) => {
    response.writeHead(503).end('no backend');
  }).listen(0, '127.0.0.1');
  await once(balancer, 'listening');
  t.teardown(() => balancer.close());
  line.connectTo(`http://127.0.0.1:${(balancer.address() as AddressInfo).port}`);
  t.match(await ask(), { status: 'degraded', checks: { keyserver: 'unreachable' } });
  t.match(await pass(6), { status: 'unready' });
});
