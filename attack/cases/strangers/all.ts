import { randomBytes } from 'node:crypto';
import { createApp } from '../../../keyserver/operations/callers.ts';
import { addGrant } from '../../../keyserver/operations/grants.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import type { PublicKeyAnswer } from '../../../shared/protocol/messages.ts';
import { changesRequest } from '../../../test/support/changes-client.ts';
import { newSession } from '../../../test/support/exchange-client.ts';
import { type Attack, ownOf, type Scene } from '../../scene/attack.ts';
import { newRequest } from '../../scene/keyserver.ts';
import { awaitSeq } from '../../scene/seen.ts';
import { amidFlood, floodAddress, sender, unmetAddress } from './flood.ts';
import { heavyBodiesAttack } from './heavy-bodies.ts';
import { keylessBodiesAttack } from './keyless-bodies.ts';

const concurrency = 64;
/** As many as rounds of the flood. */
const unmetApps = 40;

/** Keys of apps that SecureProxy has not met, as after its restart. */
async function unmetKeys(scene: Scene): Promise<string[]> {
  const { admin } = ownOf(scene);
  const { clientId: client, tokenType: type } = scene;
  const keys: string[] = [];
  for (let i = 0; i < unmetApps; i++) {
    const id = `unmet-${i}`;
    keys.push(await createApp(admin, id));
    await addGrant(admin, id, { client, type });
  }
  await awaitSeq(scene);
  return keys;
}

async function unknownKeys(scene: Scene) {
  const keys = await unmetKeys(scene);
  const [flood, quiet] = [sender(concurrency), sender(1)];
  const url = `${scene.proxy}/request_api`;
  const body = JSON.stringify({
    ClientId: scene.clientId,
    TokenType: scene.tokenType,
    ApiUri: `${scene.origin}/v1/orders`,
  });
  const call = async (from: string, key = '', { send } = quiet) =>
    (await send(url, { from, headers: { authorization: `Bearer ${key}` }, body })).status;
  try {
    await call(unmetAddress, scene.appKey);
    return await amidFlood(
      scene,
      concurrency,
      () => call(floodAddress, makeCallerKey('spk_'), flood),
      {
        'a known app, at the same address': () => call(floodAddress, scene.appKey),
        'apps not met yet': () => call(unmetAddress, keys.pop()),
      },
    );
  } finally {
    flood.end();
    quiet.end();
  }
}

async function unknownSessions(scene: Scene) {
  const { keyserver } = ownOf(scene);
  const [flood, quiet] = [sender(concurrency * 6), sender(1)];
  let unmet = 0;
  const strange = async () => {
    // Below any modulus, so that it is unwrapped.
    const sessionKey = Buffer.concat([Buffer.of(0), randomBytes(383)]).toString('base64');
    const body = JSON.stringify({ sessionKey, clientId: 'shop-1', tokenType: 'market' });
    return (await flood.send(keyserver, { from: floodAddress, body })).status;
  };
  const open = async (from: string) => {
    const { request } = await newRequest(scene);
    return (await quiet.send(keyserver, { from, body: JSON.stringify(request) })).status;
  };
  try {
    return await amidFlood(scene, concurrency * 6, strange, {
      'new sessions of a known peer': () => open('127.0.0.1'),
      'of addresses not met yet': () => open(`127.0.1.${++unmet}`),
    });
  } finally {
    flood.end();
    quiet.end();
  }
}

/** Bodies that take long to parse, tickets that do not open, and keys for the asking, while a proxy asks. */
async function unknownQuestions(scene: Scene) {
  const { keyserver, proxyKey, admin } = ownOf(scene);
  const [flood, quiet] = [sender(concurrency * 6), sender(1)];
  const list = JSON.stringify(Array(60_000).fill(1));
  const timestamp = Math.floor(admin.clock.now() / 1000);
  const ticket = JSON.stringify({
    session: randomBytes(80).toString('base64'),
    timestamp,
    nonce: 'n'.repeat(16),
    credential: 'AAAA',
  });
  const questions = [
    ['changes', list],
    ['whoami', list],
    ['changes', ticket],
    ['public_key', list],
    ['no-such-route', list],
  ] as const;
  let sent = 0;
  const strange = async () => {
    const [path, body] = questions[sent++ % questions.length] ?? ['', ''];
    return (await flood.send(new URL(path, keyserver).href, { from: floodAddress, body })).status;
  };
  const published = await fetch(new URL('public_key', keyserver));
  const { public_key: publicKeyPem } = (await published.json()) as PublicKeyAnswer;
  const ask = async (from: string) => {
    const credential = { proxy: proxyKey, since: 0 };
    const request = changesRequest(newSession(publicKeyPem), { credential }, admin.clock);
    const body = JSON.stringify(request);
    return (await quiet.send(new URL('changes', keyserver).href, { from, body })).status;
  };
  let unmet = 100;
  try {
    return await amidFlood(scene, concurrency * 6, strange, {
      'changes of a known proxy': () => ask('127.0.0.1'),
      'of addresses not met yet': () => ask(`127.0.1.${++unmet}`),
    });
  } finally {
    flood.end();
    quiet.end();
  }
}

export const strangerAttacks: readonly Attack[] = [
  {
    class: 'strangers',
    name: 'a flood of unknown app keys, while others call',
    ownOnly: true,
    run: unknownKeys,
  },
  {
    class: 'strangers',
    name: 'a flood of session keys at KeyServer, while others open sessions',
    ownOnly: true,
    run: unknownSessions,
  },
  {
    class: 'strangers',
    name: 'a flood of questions for changes, callers and keys at KeyServer, while proxies ask for changes',
    ownOnly: true,
    run: unknownQuestions,
  },
  keylessBodiesAttack,
  heavyBodiesAttack,
];
