import t from 'tap';
import { registryGauges } from '../../../keyserver/registry/gauges.ts';
import { callerKeyHash, makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { testClock } from '../../support/clock.ts';
import { startKeyserver } from '../../support/keyserver.ts';

const dayMs = 86_400_000;

t.test('the first end of each caller’s keys is told, until it has come', async (t) => {
  const clock = testClock();
  const keyserver = await startKeyserver(t, { clock });
  const createdAt = new Date(clock.now()).toISOString();
  const keyUntil = (days: number) => ({
    hash: callerKeyHash(makeCallerKey('spk_')),
    createdAt,
    expiresAt: new Date(clock.now() + days * dayMs).toISOString(),
  });
  const lasting = { hash: callerKeyHash(makeCallerKey('spk_')), createdAt };
  const put = (kind: 'app' | 'proxy', id: string, keys: (typeof lasting)[]) =>
    keyserver.putDocument(kind, id, kind === 'app' ? { keys, grants: [] } : { keys });
  await put('app', 'two', [keyUntil(3), keyUntil(2), lasting]);
  await put('app', 'ended', [keyUntil(-1), lasting]);
  await put('app', 'lasts', [lasting]);
  await put('proxy', 'dc-1', [keyUntil(1), lasting]);
  const told = () =>
    Object.fromEntries(
      registryGauges(keyserver.registry, clock).map(({ name, read }) => [name, read()]),
    );
  t.match(told(), {
    app_key_seconds_left: [['two', (2 * dayMs) / 1000]],
    proxy_key_seconds_left: [['dc-1', dayMs / 1000]],
  });
  clock.advance(2.5 * dayMs);
  t.same(told().app_key_seconds_left, [['two', (0.5 * dayMs) / 1000]]);
  t.same(told().proxy_key_seconds_left, []);
});

t.test('the callers whose keys end first are told, and no more than twenty', async (t) => {
  const clock = testClock();
  const keyEnds = function* () {
    for (let i = 0; i < 30; i++) yield [`app-${i}`, clock.now() + (30 - i) * 1000] as const;
  };
  const [told = []] = registryGauges({ rejected: 0, keyEnds }, clock)
    .filter(({ name }) => name === 'app_key_seconds_left')
    .map(({ read }) => read() as [string, number][]);
  t.equal(told.length, 20);
  t.same(told[0], ['app-29', 1]);
});
