import { addGrant } from '../../../keyserver/operations/grants.ts';
import { putToken } from '../../../keyserver/operations/tokens.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { postJson } from '../../../test/support/exchange-client.ts';
import { type Attack, ownOf, type Scene } from '../../scene/attack.ts';
import { awaitSeq } from '../../scene/seen.ts';
import { stillServes } from '../../scene/still-serves.ts';
import { call, describe } from '../../scene/wire.ts';
import { connectionAttacks } from './connections.ts';
import { strangerAttacks } from './strangers.ts';
import { heavyAnswerAttacks } from './upstream.ts';

/** The clients whose releases were requested, one for each entry of KeyServer's log. */
async function asked(scene: Scene): Promise<readonly string[]> {
  const printed = await ownOf(scene).printed();
  return printed
    .split('\n')
    .filter(
      (line) => line.includes('"service.name":"keyserver"') && line.includes('"url.template":"/",'),
    )
    .map((line) => JSON.parse(line).client);
}

export const loadAttacks: readonly Attack[] = [
  {
    class: 'load',
    name: 'a hundred callers miss the same entry of the cache at once',
    ownOnly: true,
    run: async (scene) => {
      const { admin } = ownOf(scene);
      const clientId = 'shop-crowd';
      await putToken(admin, {
        clientId,
        tokenType: scene.tokenType,
        fields: { token: scene.token },
      });
      await addGrant(admin, 'orders', { client: clientId, type: scene.tokenType });
      await awaitSeq(scene);
      const crowd = await Promise.all(
        Array.from({ length: 100 }, () => call(scene, { ClientId: clientId })),
      );
      const others = crowd.filter(({ status }) => status !== 200).map(describe);
      const fetches = (await asked(scene)).filter((client) => client === clientId);
      return {
        // More than one if a change invalidates the entry meanwhile, or it expires during a slow crowd.
        held: others.length === 0 && fetches.length <= 5,
        happened: [
          `${crowd.length - others.length} served`,
          ...new Set(others),
          `KeyServer asked ${fetches.length} times`,
        ].join(', '),
      };
    },
  },
  ...(['well-formed', 'malformed'] as const).map(
    (form): Attack => ({
      class: 'load',
      name: `300 unknown app keys, ${form}`,
      ownOnly: true,
      run: async (scene) => {
        const before = (await asked(scene)).length;
        const key = () => (form === 'malformed' ? `spk_${'x'.repeat(36)}` : makeCallerKey('spk_'));
        let refused = 0;
        for (let i = 0; i < 10; i++) {
          const flood = await Promise.all(
            Array.from({ length: 30 }, () => call(scene, {}, { appKey: key() })),
          );
          refused += flood.filter(({ code }) => code === 'caller_unauthenticated').length;
        }
        const count = (await asked(scene)).length - before;
        const happened = `${refused} refused, KeyServer asked ${count} times`;
        const held = refused === 300 && count <= (form === 'malformed' ? 0 : 300);
        return held ? stillServes(scene, happened) : { held, happened };
      },
    }),
  ),
  ...connectionAttacks,
  ...heavyAnswerAttacks,
  ...strangerAttacks,
  {
    class: 'load',
    name: '300 sessions at once that do not open, at KeyServer',
    ownOnly: true,
    run: async (scene) => {
      const request = {
        sessionKey: Buffer.alloc(384, 7).toString('base64'),
        clientId: 'shop-1',
        tokenType: 'market',
      };
      const { keyserver } = ownOf(scene);
      const storm = await Promise.all(
        Array.from({ length: 300 }, () => postJson(keyserver, request)),
      );
      const statuses = [...new Set(storm.map(({ status }) => status))].sort();
      const happened = `statuses ${statuses.join(', ')}`;
      return statuses.every((status) => status === 400 || status === 503)
        ? stillServes(scene, happened)
        : { held: false, happened };
    },
  },
];
