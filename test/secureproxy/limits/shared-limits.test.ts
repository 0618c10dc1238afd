import t, { type Test } from 'tap';
import { sharedLimits } from '../../../secureproxy/limits/shared-limits.ts';
import { systemClock } from '../../../shared/clock.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { capturedLog } from '../../support/log.ts';
import { loopback, startProxy } from '../../support/proxy.ts';
import { startUpstream } from '../../support/upstream.ts';

/** Proxies of one KeyServer, each of which has asked it for changes until it has told of itself and heard of the others. */
async function startProxies(t: Test, settings: readonly Readonly<Record<string, string>>[]) {
  const upstream = await startUpstream(t);
  const keyserver = await startKeyserver(t);
  await keyserver.putType('test', {
    ...{ destinations: [upstream.url], unsafePlaintext: true, unsafeAllowPrivate: loopback },
    limits: ['12/h burst 12'],
  });
  await keyserver.putToken('shop-1', 'test', 'fixture-token');
  const appKey = await keyserver.putApp('orders');
  const proxyKey = await keyserver.putProxy('edge');
  const proxies = await Promise.all(
    settings.map((one) => startProxy(t, { keyserverUrl: keyserver.url, proxyKey, settings: one })),
  );
  for (let round = 0; round < 3; round += 1) {
    for (const { feed } of proxies) await feed.ask();
  }
  const call = { ClientId: 'shop-1', TokenType: 'test', ApiUri: `${upstream.url}/` };
  return Promise.all(
    proxies.map(async (proxy) => {
      let allowed = 0;
      while (
        (await proxy.call(call, { headers: ['Authorization', `Bearer ${appKey}`] })).status === 200
      )
        allowed += 1;
      return { allowed, shares: proxy.log().filter(({ share }) => share !== undefined) };
    }),
  );
}

t.test(
  'each proxy that KeyServer hears of takes an equal part of a limit, and says so',
  async (t) => {
    t.match(await startProxies(t, [{}]), [{ allowed: 12, shares: [] }]);
    const said = { msg: 'each process takes its share of limits', share: 2 };
    t.match(await startProxies(t, [{}, {}]), [
      { allowed: 6, shares: [said] },
      { allowed: 6, shares: [said] },
    ]);
  },
);

t.test('REPLICAS counts if it is more', async (t) => {
  t.match(await startProxies(t, [{ REPLICAS: '4' }, { REPLICAS: '1' }]), [
    { allowed: 3 },
    { allowed: 6 },
  ]);
});

t.test('shares are not told while Redis counts for all', async (t) => {
  const { logger: log, lines } = capturedLog('secureproxy');
  const redisUrl = 'redis://127.0.0.1:1';
  const { tell } = sharedLimits({ redisUrl, processes: 4, clock: systemClock, log });
  tell(5);
  t.same(lines(), []);
});
