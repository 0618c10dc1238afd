import t from 'tap';
import { callerKeyHash, makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { testClock } from '../../support/clock.ts';
import { everything } from '../../support/keyserver.ts';
import { startScene } from '../scene.ts';

const hourMs = 3_600_000;

t.test('an old key that is used is logged, once an hour for each caller', async (t) => {
  const clock = testClock();
  const { keyserver, ask, proxy, app, credential } = await startScene(t, {
    clock,
    pollClock: clock,
  });
  const expiresAt = new Date(clock.now() + hourMs * 1.5).toISOString();
  const createdAt = new Date(clock.now()).toISOString();
  const [newProxy, newApp] = [makeCallerKey('spx_'), makeCallerKey('spk_')];
  const keys = (old: string, next: string) => [
    { hash: callerKeyHash(old), createdAt, expiresAt },
    { hash: callerKeyHash(next), createdAt },
  ];
  await keyserver.putDocument('proxy', 'proxy-1', { keys: keys(proxy, newProxy) });
  await keyserver.putDocument('app', 'orders', { keys: keys(app, newApp), grants: everything });
  const said = () =>
    keyserver
      .log()
      .filter(({ msg }) => msg === 'old key used')
      .map(({ level, proxy: proxyId, app: appId, expires_at }) => [
        level,
        proxyId ?? appId,
        expires_at,
      ]);
  const fresh = { credential: { ...credential, proxy: newProxy, app: newApp } };
  t.equal((await ask(fresh)).status, 200);
  t.same(said(), [], 'the new keys');
  for (let i = 0; i < 3; i++) t.equal((await ask()).status, 200);
  const both = [
    ['warn', 'proxy-1', expiresAt],
    ['warn', 'orders', expiresAt],
  ];
  t.same(said(), both);
  clock.advance(2 * hourMs);
  await keyserver.refresh();
  t.equal((await ask()).status, 401);
  t.same(said(), [...both, both[0]], 'also when it no longer works');
  t.notOk(keyserver.logText().includes(proxy));
});
