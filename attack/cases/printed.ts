import { findLeaks } from '../../test/support/leaks.ts';
import { type Attack, ownOf } from '../scene/attack.ts';

/** Searches all output of both services, so it runs after all others. */
export const printedAttack: Attack = {
  class: 'giveaway',
  name: 'all that both services printed, at the level trace',
  ownOnly: true,
  run: async (scene) => {
    const { proxyKey, strangerKey, ruledKey, otherKey, otherToken, printed } = ownOf(scene);
    const { appKey, token } = scene;
    const text = await printed();
    const secrets = { token, otherToken, appKey, otherKey, strangerKey, ruledKey, proxyKey };
    const leaks = findLeaks(text, secrets).map(({ secret, form }) => `${secret} (${form})`);
    const isAll = ['keyserver', 'secureproxy'].every((name) =>
      text.includes(`"service.name":"${name}"`),
    );
    return {
      held: leaks.length === 0 && isAll,
      happened: isAll
        ? `${text.split('\n').length} lines, ${leaks.length === 0 ? 'no secret' : leaks.join(', ')}`
        : 'not both services printed anything',
    };
  },
};
