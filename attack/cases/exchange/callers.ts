import { createApp } from '../../../keyserver/operations/callers.ts';
import { addGrant } from '../../../keyserver/operations/grants.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';
import { findLeaks } from '../../../test/support/leaks.ts';
import { type Attack, type OwnScene, ownOf, type Scene } from '../../scene/attack.ts';
import {
  credentialOf,
  type Expected,
  type Fault,
  judge,
  obtain,
  requestAttacks,
  startFrom,
} from '../../scene/keyserver.ts';
import { awaitSeq } from '../../scene/seen.ts';

type Change = (own: OwnScene, scene: Scene) => object;

/** The request with a credential that has other members. */
const sealing =
  (change: Change): Fault =>
  ({ scene, ask }) =>
    ask({ credential: { ...credentialOf(scene), ...change(ownOf(scene), scene) } });

const without =
  (...members: string[]): Fault =>
  ({ request }) =>
    Object.fromEntries(Object.entries(request).filter(([name]) => !members.includes(name)));

/** The last letter of a key, which is part of its checksum, exchanged. */
const mistyped = (key: string) => key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');

/** Callers that are not who they should be, and requests that leave out who they are. */
const callers: Readonly<Record<string, Expected>> = {
  'the three members of old alone': [
    without('credential', 'timestamp', 'nonce'),
    'caller_unauthenticated',
  ],
  'the credential left out': [without('credential'), 'caller_unauthenticated'],
  'the nonce left out': [without('nonce'), 'request_invalid'],
  'the timestamp left out': [without('timestamp'), 'request_invalid'],
  'nonce and timestamp left out': [without('nonce', 'timestamp'), 'request_invalid'],
  'no session at all': [without('sessionKey'), 'request_invalid'],
  'no proxy, for an app that is not direct': [sealing(() => ({ proxy: null })), 'grant_denied'],
  'no proxy and no app': [sealing(() => ({ proxy: null, app: null })), 'caller_unauthenticated'],
  'no app, by the proxy': [sealing(() => ({ app: null })), 'caller_unauthenticated'],
  "the app's key as the proxy's": [
    sealing((_own, { appKey }) => ({ proxy: appKey })),
    'caller_unauthenticated',
  ],
  "the proxy's key as the app's": [
    sealing(({ proxyKey }) => ({ app: proxyKey })),
    'caller_unauthenticated',
  ],
  'a proxy key that nobody has': [
    sealing(() => ({ proxy: makeCallerKey('spx_') })),
    'caller_unauthenticated',
  ],
  'a proxy key that is mistyped': [
    sealing(({ proxyKey }) => ({ proxy: mistyped(proxyKey) })),
    'caller_unauthenticated',
  ],
  'a proxy key with a space behind': [
    sealing(({ proxyKey }) => ({ proxy: `${proxyKey} ` })),
    'caller_unauthenticated',
  ],
  'an empty proxy key': [sealing(() => ({ proxy: '' })), 'caller_unauthenticated'],
  'an app key that nobody has': [
    sealing(() => ({ app: makeCallerKey('spk_') })),
    'caller_unauthenticated',
  ],
  'an app without grants': [sealing(({ strangerKey }) => ({ app: strangerKey })), 'grant_denied'],
  "another client's app": [sealing(({ otherKey }) => ({ app: otherKey })), 'grant_denied'],
  "another app's client": [({ ask }) => ask({ clientId: 'shop-2' }), 'grant_denied'],
  'a type that does not exist': [({ ask }) => ask({ tokenType: 'none' }), 'grant_denied'],
  'no target': [sealing(() => ({ target: undefined })), 'request_invalid'],
  'a target of another host': [
    sealing(() => ({ target: { method: 'POST', url: 'https://evil.example/' } })),
    'destination_denied',
  ],
  'a target that is spelled otherwise': [
    sealing((_own, { origin }) => ({
      target: { method: 'POST', url: `${origin.replace('https', 'HTTPS')}/v1/orders` },
    })),
    'destination_denied',
  ],
  'a method in lower case': [
    sealing((_own, { origin }) => ({ target: { method: 'post', url: `${origin}/v1/orders` } })),
    'request_invalid',
  ],
  'a member more in the target': [
    sealing((_own, { origin }) => ({
      target: { method: 'POST', url: `${origin}/`, host: 'evil.example' },
    })),
    'request_invalid',
  ],
  'a member more in the credential': [sealing(() => ({ admin: true })), 'request_invalid'],
  'a list of proxy keys': [sealing(({ proxyKey }) => ({ proxy: [proxyKey] })), 'request_invalid'],
  'explain as a text': [sealing(() => ({ explain: 'true' })), 'request_invalid'],
  'a credential that is no JSON': [({ ask }) => ask({ credential: '{' }), 'request_invalid'],
  'a credential that is null': [({ ask }) => ask({ credential: 'null' }), 'request_invalid'],
  'explain without a grant': [
    sealing(({ strangerKey }) => ({ app: strangerKey, explain: true })),
    'grant_denied',
  ],
};

/** What an app that may `GET /v1/orders/*` alone asks for besides. */
const beyondGrant: Readonly<Record<string, { method: string; path: string }>> = {
  'another method than it may use': { method: 'POST', path: '/v1/orders/1' },
  'another path than it may use': { method: 'GET', path: '/v1/payouts' },
  'its path with an encoded slash': { method: 'GET', path: '/v1/orders/..%2fpayouts' },
};

let limited = 0;

export const callerAttacks: readonly Attack[] = [
  ...requestAttacks('exchange', callers),
  ...Object.entries(beyondGrant).map(
    ([name, { method, path }]): Attack => ({
      class: 'exchange',
      name: `an app asks for ${name}`,
      ownOnly: true,
      run: async (scene) => {
        const given = await startFrom(scene);
        const { admin } = ownOf(scene);
        const id = `limited-${limited++}`;
        const app = await createApp(admin, id);
        const { clientId: client, tokenType: type, origin } = scene;
        const grant = { client, type, methods: ['GET'], paths: ['/v1/orders/*'] };
        await addGrant(admin, id, grant);
        await awaitSeq(scene);
        const by = (target: object) => ({ credential: { ...credentialOf(scene), app, target } });
        await obtain(given, by({ method: 'GET', url: `${origin}/v1/orders/1` }));
        const answer = await given.post(given.ask(by({ method, url: origin + path })));
        return judge(given, answer, ['grant_denied', 'destination_denied']);
      },
    }),
  ),
  {
    class: 'exchange',
    name: 'explain, to get the fields',
    ownOnly: true,
    run: async (scene) => {
      const given = await startFrom(scene);
      const credential = { ...credentialOf(scene), explain: true };
      const { release, answer } = await obtain(given, { credential });
      const text = JSON.stringify(release);
      const isClean =
        release.fields === undefined && findLeaks(text, { token: scene.token }).length === 0;
      return {
        held: isClean && text.includes('"steps"'),
        happened: `${answer.status}, ${isClean ? 'steps without fields' : 'with the token'}`,
      };
    },
  },
];
