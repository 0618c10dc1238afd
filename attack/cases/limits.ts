import { answer, writes } from '../../test/support/upstream.ts';
import { type Attack, ownOf, type Scene } from '../scene/attack.ts';
import { call, describe } from '../scene/wire.ts';

/** Other ways to write `/v1/supply/x`, of which the type allows one call an hour. */
const spellings: readonly string[] = [
  '/v1/supply/x',
  '/v1/s%75pply/x',
  '/v1%2Fsupply/x',
  '/v1/supply%2Fx',
  '/v1/%2573upply/x',
  '//v1/supply/x',
  '/v1//supply/x',
  '/V1/Supply/x',
  '/v1/supply;a=b/x',
  '/v1;a%2Fb/supply/x',
  '/v1/supply/x%3F/y',
  '/v1/%EF%BD%93upply/x',
  '/other/..%2fv1/supply/x',
];

const escapes: Attack = {
  class: 'limits',
  name: 'spellings of a limited path',
  ownOnly: true,
  run: async (scene) => {
    const before = scene.upstream.requests.length;
    const first = await call(scene, at(scene, 'slow', '/v1/supply/x'));
    if (first.status !== 200) return { held: false, happened: `first: ${describe(first)}` };
    for (const path of spellings) await call(scene, at(scene, 'slow', path));
    const sent = scene.upstream.requests.length - before;
    return { held: sent === 1, happened: `${sent} of ${spellings.length + 1} calls arrived` };
  },
};

const endless: Attack = {
  class: 'limits',
  name: 'a marketplace that asks for a pause of years',
  ownOnly: true,
  run: async (scene) => {
    scene.upstream.script(
      (socket) => void socket.write(answer(429, '', [['Retry-After', '9999999999']])),
    );
    await call(scene, at(scene, 'paced', '/'));
    const ours = await call(scene, at(scene, 'paced', '/'));
    const seconds = Number(/^retry-after: (\d+)\r$/im.exec(ours.head)?.[1]);
    const held = ours.status === 429 && seconds > 0 && seconds <= 300;
    return { held, happened: `${describe(ours)}, again in ${seconds} s` };
  },
};

const crowding: Attack = {
  class: 'limits',
  name: 'a client that waits for its limit, and is told to pause, beside another of the type',
  ownOnly: true,
  run: async (scene) => {
    const { upstream } = scene;
    const { otherKey } = ownOf(scene);
    const target = at(scene, 'shared', '/');
    const other = () =>
      call(scene, { ...target, ClientId: 'shop-2', TimeoutMs: 1500 }, { appKey: otherKey });
    const crowd = [call(scene, target), call(scene, target), call(scene, target)];
    const meanwhile = await other();
    await Promise.all(crowd);
    upstream.script(writes(answer(429, '', [['Retry-After', '300']])));
    const told = await call(scene, target);
    upstream.script(writes(answer(200, '')));
    const afterwards = await other();
    const held = meanwhile.status === 200 && told.status === 429 && afterwards.status === 200;
    return { held, happened: [meanwhile, told, afterwards].map(describe).join('; ') };
  },
};

function at({ origin }: Scene, TokenType: string, path: string) {
  return { TokenType, ApiUri: origin + path, Method: 'GET' };
}

export const limitAttacks: readonly Attack[] = [escapes, endless, crowding];
