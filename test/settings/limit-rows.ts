import { isDeepStrictEqual } from 'node:util';
import type { Test } from 'tap';
import type { Environment } from '../../shared/settings/config.ts';
import { pollUntil } from '../support/poll-until.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { startUpstream } from '../support/upstream.ts';
import { call, putType, startProxy } from './secureproxy-scene.ts';
import type { Row } from './table.ts';

/** Proxies with these settings; each round has them take, in turn, from a new limit. */
async function limitedProxies(t: Test, settings: readonly Environment[]) {
  const { port } = await startUpstream(t);
  const target = `http://127.0.0.1:${port}`;
  const proxies = await Promise.all(settings.map((one) => startProxy(t, one)));
  return async (calls: number, limit: string) => {
    const type = await putType({ destinations: [target], limits: [limit] });
    const statuses: number[][] = [];
    for (const { url } of proxies) {
      const answers = Array.from({ length: calls }, () => call(url, type, target));
      statuses.push((await Promise.all(answers)).map(({ status }) => status).sort());
    }
    return statuses;
  };
}

/** Rows of the settings of limits. */
export const limitRows: Readonly<Record<'REDIS_URL' | 'REPLICAS', Row>> = {
  REPLICAS: async (t) => {
    // KeyServer hears of the other tests' proxies, too, which are far fewer.
    const round = await limitedProxies(t, [{ REPLICAS: '1' }, { REPLICAS: '1000' }]);
    t.same(await round(5, '4000/h burst 4000'), [
      [200, 200, 200, 200, 200],
      [200, 200, 200, 200, 429],
    ]);
  },

  REDIS_URL: async (t) => {
    if (noRedis !== false) return void t.pass('two proxies with Redis', { skip: noRedis });
    const { url, ask } = await startRedis(t);
    const settings = { REDIS_URL: url, REPLICAS: '2' };
    const round = await limitedProxies(t, [settings, settings]);
    const members = () => ask('ZCARD secureproxy:limit-members');
    await pollUntil('both are connected', members, (answer) => answer === ':2\r\n');
    const together = [
      [200, 200, 200],
      [200, 429, 429],
    ];
    // On a busy machine an answer may be late: then each counts its part by itself for a second.
    await pollUntil(
      'both take from one limit',
      () => round(3, '4/h burst 4'),
      (statuses) => isDeepStrictEqual(statuses, together),
    );
  },
};
