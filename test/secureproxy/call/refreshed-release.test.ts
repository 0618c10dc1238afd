import t, { type Test } from 'tap';
import { ServiceError } from '../../../shared/errors.ts';
import type { Release } from '../../../shared/protocol/messages.ts';
import { testClock } from '../../support/clock.ts';
import { releaseOf, someAppKey, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { startUpstream } from '../../support/upstream.ts';

/** A proxy that has a release, and whose KeyServer then answers when the test wants. */
async function setUp(t: Test) {
  const upstream = await startUpstream(t);
  const clock = testClock();
  const waiting: PromiseWithResolvers<Release>[] = [];
  const proxy = await startProxy(t, {
    clock,
    obtain: () => {
      const next = Promise.withResolvers<Release>();
      waiting.push(next);
      return next.promise;
    },
  });
  const release = releaseOf({ destinations: [`${upstream.url}/allowed`] });
  const call = (path = '/allowed') =>
    proxy.call(
      { ClientId: 'acme', TokenType: 'test', ApiUri: upstream.url + path },
      { headers: ['authorization', `Bearer ${someAppKey}`] },
    );
  const first = call();
  await until(() => waiting.length === 1);
  waiting[0]?.resolve(release);
  t.equal((await first).status, 200);
  const refreshed = async (outcome: string) => {
    const { text } = await proxy.send('/metrics');
    return text.includes(`secureproxy_refreshes_total{outcome="${outcome}"} 1`);
  };
  return { proxy, clock, waiting, release, call, refreshed };
}

t.test(
  'calls go on while KeyServer hangs with the refresh, and nothing waits for it',
  async (t) => {
    const { proxy, clock, waiting, release, call, refreshed } = await setUp(t);
    clock.advance(4600);
    for (let i = 0; i < 3; i++) t.match(await call(), { status: 200 });
    t.equal(waiting.length, 2);
    t.match(await proxy.requestLine(3), { release: 'cached', 'keyserver.duration_ms': undefined });
    waiting[1]?.resolve(release);
    t.ok(await refreshed('renewed'));
    clock.advance(4900);
    t.match(await call(), { status: 200 }, 'the refreshed one is used');
  },
);

t.test('a refusal of the refresh ends the calls', async (t) => {
  const { clock, waiting, call, refreshed } = await setUp(t);
  clock.advance(4600);
  t.match(await call(), { status: 200 });
  waiting[1]?.reject(new ServiceError('grant_denied'));
  t.ok(await refreshed('refused'));
  const next = call();
  await until(() => waiting.length === 3);
  waiting[2]?.reject(new ServiceError('grant_denied'));
  t.match(await next, { status: 403 });
});

t.test('a call that is refused does not have the release refreshed', async (t) => {
  const { clock, waiting, call } = await setUp(t);
  clock.advance(4600);
  t.match(await call('/elsewhere'), { status: 403 });
  t.equal(waiting.length, 1);
});
