import { setTimeout as sleep } from 'node:timers/promises';
import { createApp, rotateCaller } from '../../keyserver/operations/callers.ts';
import { addGrant } from '../../keyserver/operations/grants.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { deleteDocument } from '../../test/support/delete-document.ts';
import { type Attack, type Outcome, ownOf, type Scene } from '../scene/attack.ts';
import { arrives, refused } from '../scene/judge.ts';
import { type CallOptions, call, describe } from '../scene/wire.ts';

const unknown = ['caller_unauthenticated'];
const denied = ['grant_denied'];

const changed = (appKey: string) =>
  `${appKey.slice(0, 10)}${appKey[10] === 'a' ? 'b' : 'a'}${appKey.slice(11)}`;

/** Values that callers send instead of a valid app key. */
const keys: Readonly<Record<string, (scene: Scene) => string | null>> = {
  'no key': () => null,
  'a made-up key': () => makeCallerKey('spk_'),
  'a key that is cut short': ({ appKey }) => appKey.slice(0, -1),
  'a key with a letter changed': ({ appKey }) => changed(appKey),
  'a key in other letters': ({ appKey }) => `spk_${appKey.slice(4).toUpperCase()}`,
  'a key with a NUL behind': ({ appKey }) => `${appKey}%00`,
  'a changed key in quotes': ({ appKey }) => `"${changed(appKey)}"`,
  'a changed key within Basic': ({ appKey }) =>
    `x\r\nX-Auth: Basic ${Buffer.from(`u:${changed(appKey)}`).toString('base64')}`,
};

/** Names that look like `shop-1` but differ. */
const lookalikes: Readonly<Record<string, string>> = {
  'in upper case': 'SHOP-1',
  'with a space behind': 'shop-1 ',
  'with a full-width digit': 'shop-１',
  'with a zero-width space': 'shop-1\u200b',
  'with a star behind': 'shop-1*',
  'the star alone': '*',
  'with an SQL quote': "shop-1' OR '1'='1",
  'with an SQL wildcard': 'shop-%',
  'with a NUL behind': 'shop-1\u0000',
};

const keyAttacks = Object.entries(keys).map(
  ([name, make]): Attack => ({
    class: 'tenancy',
    name: `with ${name}, while the cache is warm`,
    run: async (scene) => {
      const warm = await call(scene);
      if (warm.status !== 200) return { held: false, happened: `warm: ${describe(warm)}` };
      return refused(scene, unknown, {}, { appKey: make(scene) });
    },
  }),
);

/** Places by which an app key would go to the marketplace. */
const carriers: Readonly<Record<string, (appKey: string, origin: string) => object>> = {
  'the URL, encoded twice': (key, origin) => ({
    ApiUri: `${origin}/?a=${key.replace('_', '%255F')}`,
  }),
  "a header's name": (key) => ({ Headers: { [key.toLowerCase()]: '1' } }),
  "a header's value": (key) => ({ Headers: { 'X-A': `Basic ${btoa(`a:${key}`)}` } }),
  'a JSON body': (key) => ({ Body: { a: [{ b: key }] } }),
  'a text body, escaped': (key) => ({ Body: key.replace('s', '\\u0073') }),
  'a form, encoded': (key) => ({ Body: `a=${key.replace('_', '%5F')}` }),
  'a binary body': (key) => ({ BodyBase64: btoa(`\0${key}`) }),
};

const carrierAttacks = Object.entries(carriers).map(
  ([name, members]): Attack => ({
    class: 'tenancy',
    name: `an app key on its way to the marketplace in ${name}`,
    run: (scene) => refused(scene, ['request_invalid'], { ...members(scene.appKey, scene.origin) }),
  }),
);

/** An app without a grant must get the same answer, whatever exists, but for the names that it sent. */
async function noHint(scene: Scene): Promise<Outcome> {
  const { strangerKey } = ownOf(scene);
  const { clientId, tokenType } = scene;
  const bodies = new Set<string>();
  for (const [ClientId, TokenType] of [
    [clientId, tokenType],
    ['no-such-client', tokenType],
    [clientId, 'no-such-type'],
    [clientId, 'nowhere'],
  ] as const) {
    const { head, body } = await call(scene, { ClientId, TokenType }, { appKey: strangerKey });
    const text = body
      .toString()
      .replace(/"requestId":"[^"]*"/, '')
      .replace(ClientId, '')
      .replace(TokenType, '');
    bodies.add(`${head.split('\r\n', 1)[0]} ${text}`);
  }
  const [first = ''] = bodies;
  return {
    held: bodies.size === 1 && first.includes('grant_denied'),
    happened: `${bodies.size} kind of answer`,
  };
}

let apps = 0;

/** Measures how long an app's key works after `end` revokes it. */
async function lastsUntil(scene: Scene, end: (id: string) => Promise<unknown>): Promise<Outcome> {
  const { admin } = ownOf(scene);
  const id = `leaver-${apps++}`;
  const appKey = await createApp(admin, id);
  await addGrant(admin, id, { client: scene.clientId, type: scene.tokenType });
  const works = async () => (await call(scene, {}, { appKey })).status === 200;
  if (!(await until(works))) return { held: false, happened: 'its key never worked' };
  await end(id);
  const ended = performance.now();
  const isOver = await until(async () => !(await works()));
  const seconds = ((performance.now() - ended) / 1000).toFixed(1);
  return {
    held: isOver,
    happened: isOver ? `over after ${seconds} s` : `works after ${seconds} s`,
  };
}

/** The five seconds that are promised without a change feed, and one for a busy machine. */
async function until(isSo: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + 6000;
  while (performance.now() < deadline) {
    if (await isSo()) return true;
    await sleep(50);
  }
  return false;
}

export const tenancyAttacks: readonly Attack[] = [
  ...keyAttacks,
  ...carrierAttacks,
  {
    class: 'tenancy',
    name: 'another app asks for a client whose token is in the cache',
    ownOnly: true,
    run: async (scene) => {
      await call(scene);
      return refused(scene, denied, {}, { appKey: ownOf(scene).otherKey });
    },
  },
  {
    class: 'tenancy',
    name: 'an app without grants',
    ownOnly: true,
    run: (scene) => refused(scene, denied, {}, { appKey: ownOf(scene).strangerKey }),
  },
  {
    class: 'tenancy',
    name: 'an app without grants looks for differences between answers',
    ownOnly: true,
    run: noHint,
  },
  ...(['a proxy key', 'two app keys'] as const).map(
    (what): Attack => ({
      class: 'tenancy',
      name: `${what} in place of an app key`,
      ownOnly: true,
      run: (scene) => {
        const { proxyKey, otherKey } = ownOf(scene);
        const options: CallOptions =
          what === 'a proxy key' ? { appKey: proxyKey } : { headers: [`X-Api-Key: ${otherKey}`] };
        return refused(scene, [...unknown, 'request_invalid'], {}, options);
      },
    }),
  ),
  ...Object.entries(lookalikes).map(
    ([name, ClientId]): Attack => ({
      class: 'tenancy',
      name: `the client's name ${name}`,
      run: (scene) => refused(scene, [...denied, 'request_invalid'], { ClientId }),
    }),
  ),
  ...[['shop-1'], { $ne: '' }, 1, null, true].map(
    (ClientId): Attack => ({
      class: 'tenancy',
      name: `the client's name as ${JSON.stringify(ClientId)}`,
      run: (scene) => refused(scene, ['request_invalid'], { ClientId }),
    }),
  ),
  {
    class: 'tenancy',
    name: "one type's token to another type's host",
    ownOnly: true,
    run: (scene) => {
      const { names, port } = ownOf(scene);
      names.answer('other.market.example', ['127.0.0.2']);
      return refused(scene, ['destination_denied'], {
        ApiUri: `https://other.market.example:${port}/`,
      });
    },
  },
  {
    class: 'tenancy',
    name: 'two clients call the same URL in turn',
    ownOnly: true,
    run: async (scene) => {
      const { otherKey, otherToken } = ownOf(scene);
      for (let i = 0; i < 5; i++) {
        const mine = await arrives(scene, {}, () => undefined);
        if (!mine.held) return mine;
        await call(scene, { ClientId: 'shop-2' }, { appKey: otherKey });
        const theirs = scene.upstream.requests.at(-1)?.all('authorization').join();
        if (theirs !== `Bearer ${otherToken}`) return { held: false, happened: 'a wrong token' };
      }
      return { held: true, happened: 'each had its own token' };
    },
  },
  {
    class: 'tenancy',
    name: 'the app key in ApiUri, from where it would go upstream',
    run: (scene) =>
      refused(scene, ['request_invalid'], { ApiUri: `${scene.origin}/?k=${scene.appKey}` }),
  },
  {
    class: 'tenancy',
    name: 'the app key in Headers, from where it would go upstream',
    run: (scene) => refused(scene, ['request_invalid'], { Headers: { 'X-Key': scene.appKey } }),
  },
  {
    class: 'tenancy',
    name: 'the key of an app that was revoked, while the cache is warm',
    ownOnly: true,
    run: (scene) => lastsUntil(scene, (id) => deleteDocument(ownOf(scene).admin, 'app', id)),
  },
  {
    class: 'tenancy',
    name: 'the old key of an app whose key was rotated',
    ownOnly: true,
    run: (scene) => lastsUntil(scene, (id) => rotateCaller(ownOf(scene).admin, 'app', id)),
  },
];
