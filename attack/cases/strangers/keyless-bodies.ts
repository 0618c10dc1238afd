import type { Attack, Scene } from '../../scene/attack.ts';
import { amidFlood, floodAddress, sender, unmetAddress } from './flood.ts';

const concurrency = 64;
/** Escapes within escapes take the longest to search. */
const escapes = `"%${'25'.repeat(11)}",`;
const bodies = [
  `[${escapes.repeat(2000)}1]`,
  `[${'"c3BrX2FhYWFhYWFhYWFhYWFhYWFhYWFh",'.repeat(1800)}1]`,
  `{${'"":1,'.repeat(13_000)}"":1}`,
  '['.repeat(65_536),
];

async function keylessBodies(scene: Scene) {
  const { proxy, clientId, tokenType, appKey } = scene;
  const [flood, quiet] = [sender(concurrency), sender(1)];
  const url = `${proxy}/forward/${clientId}`;
  const send = async (
    from: string,
    type: string,
    body: string,
    headers: Readonly<Record<string, string>> = {},
    by = quiet,
  ) => (await by.send(`${url}/${type}/v1`, { from, headers, body })).status;
  let sent = 0;
  const strange = () =>
    send(floodAddress, tokenType, bodies[sent++ % bodies.length] ?? '', {}, flood);
  try {
    return await amidFlood(scene, concurrency, strange, {
      'a known app, at the same address': () =>
        send(floodAddress, tokenType, '{}', { authorization: `Bearer ${appKey}` }),
      'its key in a body, from elsewhere': () =>
        send(unmetAddress, 'keyed', `{"api_key":"${appKey}"}`),
    });
  } finally {
    flood.end();
    quiet.end();
  }
}

export const keylessBodiesAttack: Attack = {
  class: 'strangers',
  name: 'a flood of bodies without a key, where one is looked for, while others call',
  ownOnly: true,
  run: keylessBodies,
};
