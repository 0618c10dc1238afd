import t from 'tap';
import { testClock } from '../../support/clock.ts';
import { startKeyserver } from '../../support/keyserver.ts';
import { startProxy } from '../../support/proxy.ts';

t.test('a ticket of 600 seconds is used until 30 seconds before it expires', async (t) => {
  const clock = testClock();
  const keyserver = await startKeyserver(t, { clock });
  await keyserver.putType('test');
  await keyserver.putToken('shop-1', 'test', 'fixture-token');
  const appKey = await keyserver.putApp('orders');
  const proxyKey = await keyserver.putProxy('edge');
  const { client } = await startProxy(t, { keyserverUrl: keyserver.url, proxyKey, clock });
  const target = { method: 'GET', url: 'https://api.example/' } as const;
  const source = async () => {
    const query = { appKey, clientId: 'shop-1', tokenType: 'test', target, trace: {} };
    return (await client.obtain(query)).source;
  };
  t.equal(await source(), 'rsa');
  t.equal(await source(), 'ticket');
  clock.advance(569_999);
  t.equal(await source(), 'ticket');
  clock.advance(1);
  t.equal(await source(), 'rsa');
});
