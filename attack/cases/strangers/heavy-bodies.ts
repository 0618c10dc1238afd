import { createAnonymousApp } from '../../../keyserver/operations/callers.ts';
import { deleteDocument } from '../../../test/support/delete-document.ts';
import { type Attack, ownOf, type Scene } from '../../scene/attack.ts';
import { awaitSeq } from '../../scene/seen.ts';
import { amidFlood, floodAddress, sender, unmetAddress } from './flood.ts';

const concurrency = 2;
const fullBytes = 16 * 1024 * 1024;

/** The JSON of a call whose rest, 16 MiB with it, is a unit again and again. */
function full(begin: string, unit: string, end: string): string {
  const members = `{"ClientId":"shop-1","TokenType":"market","ApiUri":"https://x.example/",${begin}`;
  return members + unit.repeat((fullBytes - members.length - 16) / unit.length) + end;
}

/** Each costs the most in another part of what is done before the call is judged. */
const bodies = [
  full('"Body":"', '%73%70%6b%5f', '"}'),
  full('"Body":"', String.raw`\\u0073\\u0070\\u006b\\u005f`, '"}'),
  full('"Body":[', '1e1,', '1]}'),
  full('"Headers":{', '"a":"b",', '"a":"b"}}'),
];

/** Calls without a key are allowed, so that bodies of strangers are read. */
async function heavyBodies(scene: Scene) {
  const { proxy, origin, clientId, tokenType, appKey } = scene;
  const { admin } = ownOf(scene);
  await createAnonymousApp(admin);
  await awaitSeq(scene);
  const [flood, quiet] = [sender(concurrency), sender(1)];
  const url = `${proxy}/request_api`;
  const body = JSON.stringify({
    ...{ ClientId: clientId, TokenType: tokenType },
    ApiUri: `${origin}/v1/orders`,
  });
  const headers = { authorization: `Bearer ${appKey}` };
  let sent = 0;
  const strange = async () => {
    const heavy = bodies[sent++ % bodies.length] ?? '';
    return (await flood.send(url, { from: floodAddress, body: heavy })).status;
  };
  try {
    return await amidFlood(scene, concurrency, strange, {
      'a known app': async () =>
        (await quiet.send(url, { from: unmetAddress, headers, body })).status,
    });
  } finally {
    flood.end();
    quiet.end();
    await deleteDocument(admin, 'app', 'anonymous');
    await awaitSeq(scene);
  }
}

export const heavyBodiesAttack: Attack = {
  class: 'strangers',
  name: 'a flood of 16 MiB bodies that take long to read, while calls without a key are allowed, and others call',
  ownOnly: true,
  run: heavyBodies,
};
