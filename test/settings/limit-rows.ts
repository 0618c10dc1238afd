import type { Test } from 'tap';
import type { Environment } from '../../shared/settings/config.ts';
import { pollUntil } from '../support/poll-until.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { startUpstream } from '../support/upstream.ts';
import { call, putType, startProxy } from './secureproxy-scene.ts';
import type { Row } from './table.ts';

/** Proxies under one limit of four calls an hour. */
async function limitedProxies(t: Test, settings: readonly Environment[]) {
  const { port } = await startUpstream(t);
  const target = `http://127.0.0.1:${port}`;
  const type = await putType({ destinations: [target], limits: ['4/h burst 4'] });
  const proxies = await Promise.all(
    settings.map((one) => startProxy(t, { ...one, KEYSERVER_TIMEOUT_MS: '25000' })),
  );
  return proxies.map(({ url }) => async (calls: number) => {
    const answers = Array.from({ length: calls }, () => call(url, type, target));
    return (await Promise.all(answers)).map(({ status }) => status).sort();
  });
}

/** Rows of the settings of limits. */
export const limitRows: Readonly<Record<'REDIS_URL' | 'REPLICAS', Row>> = {
  REPLICAS: async (t) => {
    const [alone, shared] = await limitedProxies(t, [{ REPLICAS: '1' }, { REPLICAS: '2' }]);
    t.same(await alone?.(5), [200, 200, 200, 200, 429]);
    t.same(await shared?.(5), [200, 200, 429, 429, 429]);
  },

  REDIS_URL: async (t) => {
    if (noRedis !== false) return void t.pass('two proxies with Redis', { skip: noRedis });
    const { url, ask } = await startRedis(t);
    const settings = { REDIS_URL: url, REPLICAS: '2' };
    const [one, other] = await limitedProxies(t, [settings, settings]);
    const members = () => ask('ZCARD secureproxy:limit-members');
    await pollUntil('both are connected', members, (answer) => answer === ':2\r\n');
    t.same(await one?.(3), [200, 200, 200]);
    t.same(await other?.(3), [200, 429, 429]);
  },
};
