import { DatabaseSync } from 'node:sqlite';
import { createApp } from '../../keyserver/operations/callers.ts';
import { addGrant } from '../../keyserver/operations/grants.ts';
import { storagePlaces } from '../../local/state.ts';
import { callerKeyHash, makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { type Attack, type Outcome, ownOf, type Scene } from '../scene/attack.ts';
import { describe, exchangeBytes, readAnswer } from '../scene/wire.ts';

interface Try {
  /** Makes the key; by default that of an app that is bound to the scene's client and type, with a grant. */
  readonly key?: (scene: Scene) => Promise<string>;
  readonly target?: (scene: Scene, key: string) => string;
  readonly headers?: readonly string[];
  /** The codes that hold. */
  readonly codes: readonly string[];
}

/** The key of a new app, bound to this client, that may use tokens of the scene's client alone. */
async function boundTo(scene: Scene, app: string, clientId: string): Promise<string> {
  const { admin } = ownOf(scene);
  const { clientId: client, tokenType } = scene;
  const key = await createApp(admin, app, { bound: { clientId, tokenType } });
  await addGrant(admin, app, { client, type: tokenType });
  return key;
}

const keys = new WeakMap<Scene, Promise<string>>();

/** One for all attacks, since KeyServer looks for new apps only so often. */
function boundKey(scene: Scene): Promise<string> {
  const key = keys.get(scene) ?? boundTo(scene, 'bound', scene.clientId);
  keys.set(scene, key);
  return key;
}

const tries: Readonly<Record<string, Try>> = {
  'a made-up key': {
    key: async () => makeCallerKey('spk_', { isBound: true }),
    codes: ['caller_unauthenticated'],
  },
  'a made-up key, at a page of ours': {
    key: async () => makeCallerKey('spk_', { isBound: true }),
    target: () => '/metrics',
    codes: ['caller_unauthenticated'],
  },
  'a key whose checksum is wrong': {
    key: async () => `${makeCallerKey('spk_', { isBound: true }).slice(0, -6)}......`,
    codes: ['caller_unauthenticated'],
  },
  'a key of an app that is not bound': {
    key: async (scene) => scene.appKey,
    codes: ['route_not_found'],
  },
  'a binding to a client without a grant': {
    key: (scene) => boundTo(scene, 'bound elsewhere', 'shop-2'),
    codes: ['grant_denied'],
  },
  'another client at /forward': {
    target: ({ tokenType }) => `/forward/shop-2/${tokenType}/v1`,
    codes: ['grant_denied'],
  },
  'a host of the caller': { target: () => '/~evil.example/v1', codes: ['destination_denied'] },
  metadata: { target: () => '/~169.254.169.254/latest/', codes: ['destination_denied'] },
  'dot segments': { target: () => '/v1/%2e%2e/request_api', codes: ['destination_denied'] },
  'dot segments at the start': { target: () => '/../healthz', codes: ['destination_denied'] },
  'the key in the path': {
    target: (_scene, key) => `/bot${key}/getMe`,
    codes: ['request_invalid'],
  },
  'an absolute target': {
    target: ({ origin }) => `${origin}/forward/shop-2/x/v1`,
    codes: ['request_invalid'],
  },
  'a page of another site': {
    headers: ['Origin: https://evil.example'],
    codes: ['request_invalid'],
  },
  'a loop': { headers: ['Via: 1.1 secureproxy'], codes: ['request_invalid'] },
};

/** Held if the call is refused so, and nothing arrives. */
async function refuse(scene: Scene, { key, target, headers = [], codes }: Try): Promise<Outcome> {
  const made = await (key ?? boundKey)(scene);
  const before = scene.strays() + scene.upstream.requests.length;
  const lines = [
    `GET ${target?.(scene, made) ?? '/v1'} HTTP/1.1`,
    `Host: ${new URL(scene.proxy).host}`,
    'Connection: close',
    `X-Api-Key: ${made}`,
    ...headers,
  ];
  const answer = readAnswer(await exchangeBytes(scene.proxy, `${lines.join('\r\n')}\r\n\r\n`));
  const sent = scene.strays() + scene.upstream.requests.length - before;
  return {
    held: codes.includes(answer.code) && sent === 0,
    happened: `${describe(answer)}, ${sent === 0 ? 'nothing sent' : `${sent} sent`}`,
  };
}

/** A row of an app that may do everything, by whoever can write into the database, with the MAC of another. */
async function forged(scene: Scene): Promise<Outcome> {
  await boundKey(scene);
  const key = makeCallerKey('spk_', { isBound: true });
  const { DB_FILE = '' } = storagePlaces(ownOf(scene).folder);
  const body = {
    keys: [{ hash: callerKeyHash(key), createdAt: new Date(0).toISOString() }],
    grants: [{ client: '*', type: '*' }],
    bound: { clientId: 'shop-2', tokenType: scene.tokenType },
  };
  const database = new DatabaseSync(DB_FILE, { timeout: 5000 });
  try {
    database
      .prepare(
        `INSERT INTO documents (kind, id, revision, kid, body, mac)
         SELECT kind, 'forged', revision, kid, ?, mac FROM documents WHERE kind = 'app' AND id = 'bound'`,
      )
      .run(JSON.stringify(body));
    return await refuse(scene, { key: async () => key, codes: ['caller_unauthenticated'] });
  } finally {
    database.exec("DELETE FROM documents WHERE id = 'forged'");
    database.close();
  }
}

const attacks: Readonly<Record<string, Attack['run']>> = {
  ...Object.fromEntries(
    Object.entries(tries).map(([name, tried]) => [name, (scene: Scene) => refuse(scene, tried)]),
  ),
  'a binding forged in the database': forged,
};

export const boundAttacks = Object.entries(attacks).map(
  ([name, run]): Attack => ({
    class: 'forward',
    name: `a bound key with ${name}`,
    ownOnly: true,
    run,
  }),
);
