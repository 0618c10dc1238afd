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

/** Default number of callers, and of clients with a token. */
export const concurrency = 16;
/** Maximum number of connections to one upstream, for SecureProxy and the peers. */
export const upstreamConnections = 128;
/** A type with `--no-scrub`. */
export const unsearchedType = 'unsearched';

export interface SystemOptions {
  /** The types' destinations. */
  readonly origins: readonly string[];
  /** KeyServer's database settings; an SQLite file by default. */
  readonly storage?: Environment;
  /** Adds rows before KeyServer starts; resolves to the clients to request. */
  readonly fill?: (state: PairState) => Promise<readonly string[]>;
  /** Files of the certificate and key of both services, and of their CA. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

/** KeyServer on its own database, and functions that start more services on it. */
export interface System extends Seeded {
  readonly clients: readonly string[];
  readonly keyserver: Part;
  /** Starts another KeyServer on the same database, with further settings. */
  startKeyserver(settings?: Environment): Promise<Part>;
  /** Starts a SecureProxy, with further settings. */
  startProxy(settings?: Environment): Promise<Part>;
}

/** Makes a database with types, an app and clients with tokens, and starts KeyServer on it. */
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
