import { addGrant } from '../../keyserver/operations/grants.ts';
import { putToken } from '../../keyserver/operations/tokens.ts';
import { putType } from '../../keyserver/operations/types.ts';
import type { Environment } from '../../shared/settings/config.ts';
import {
  createState,
  type PairState,
  plainPolicy,
  type Seeded,
  seed,
  tokenType,
} from '../../test/support/pair-state.ts';
import type { Part, Parts } from '../machine/parts.ts';

/** Callers at a time, but where a case says otherwise; and clients that have a token. */
export const concurrency = 16;
/** Most connections that a proxy has to one upstream, ours and the peers alike. */
export const upstreamConnections = 128;
/** A type whose answers are not searched for its tokens. */
export const unsearchedType = 'unsearched';

export interface SystemOptions {
  /** What tokens may go to. */
  readonly origins: readonly string[];
  /** Where KeyServer has its rows; by default an SQLite file. */
  readonly storage?: Environment;
  /** Adds to the database before KeyServer runs; resolves to the clients that are then asked for. */
  readonly fill?: (state: PairState) => Promise<readonly string[]>;
  /** Certificate and key that both services show, and the CA that vouches for it. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

/** KeyServer on a database of its own, and what it takes to start proxies of it. */
export interface System extends Seeded {
  readonly clients: readonly string[];
  readonly keyserver: Part;
  /** Starts another KeyServer on the same database, with settings besides those that it needs. */
  startKeyserver(settings?: Environment): Promise<Part>;
  /** Starts a SecureProxy, with settings besides those that it needs. */
  startProxy(settings?: Environment): Promise<Part>;
}

/** Makes the database with a type, a grant and clients with tokens, and starts KeyServer on it. */
export async function startSystem(parts: Parts, options: SystemOptions): Promise<System> {
  const { origins, storage, fill, tls } = options;
  const state = await createState(parts.folder(), storage);
  const seeded = await seedAll(state, origins);
  const clients = (await fill?.(state)) ?? Object.keys(seeded.tokens);
  await state.admin.store.close();
  const listener: Environment = tls ? { TLS_CERT_FILE: tls.cert, TLS_KEY_FILE: tls.key } : {};
  const startKeyserver = (settings: Environment = {}) =>
    parts.measured('KeyServer', 'keyserver/main.ts', {
      ...state.settings,
      ...listener,
      ...settings,
    });
  const keyserver = await startKeyserver();
  return {
    ...seeded,
    clients,
    keyserver,
    startKeyserver,
    startProxy: (settings = {}) =>
      parts.measured('SecureProxy', 'secureproxy/main.ts', {
        ...listener,
        ...(tls && { KEYSERVER_CA_FILE: tls.ca, UPSTREAM_CA_FILE: tls.ca }),
        PROXY_KEY: seeded.proxyKey,
        PUBLIC_KEY_URL: `${keyserver.origin}/public_key`,
        TOKEN_REQUEST_URL: `${keyserver.origin}/`,
        UPSTREAM_CONNECTIONS: String(upstreamConnections),
        ...settings,
      }),
  };
}

async function seedAll(state: PairState, origins: readonly string[]): Promise<Seeded> {
  const { admin } = state;
  const clients = Array.from({ length: concurrency }, (_, i) => `shop-${i}`);
  const seeded = await seed(state, origins[0] ?? '', clients);
  const policy = {
    ...plainPolicy(''),
    destinations: [...origins],
    unsafeAllowPrivate: ['127.0.0.0/8', '::1/128'],
  };
  await putType(admin, tokenType, policy);
  await putType(admin, unsearchedType, { ...policy, scrub: false });
  await addGrant(admin, 'orders', { client: '*', type: unsearchedType });
  for (const [clientId, token] of Object.entries(seeded.tokens)) {
    await putToken(admin, { clientId, tokenType: unsearchedType, fields: { token } });
  }
  return seeded;
}
