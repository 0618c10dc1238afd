import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Test } from 'tap';
import { Type } from 'typebox';
import { generateKeyring } from '../../keyserver/keys/generate.ts';
import { createApp, createProxy } from '../../keyserver/operations/callers.ts';
import { loadKeys, type OperationContext } from '../../keyserver/operations/context.ts';
import { addGrant } from '../../keyserver/operations/grants.ts';
import { putToken } from '../../keyserver/operations/tokens.ts';
import { putType } from '../../keyserver/operations/types.ts';
import { openDatabase } from '../../keyserver/storage/database.ts';
import { storageSettings } from '../../keyserver/storage/settings.ts';
import type { MysqlServer } from '../../keyserver/store/mysql/connection-config.ts';
import { systemClock } from '../../shared/clock.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { type Environment, parseSettings } from '../../shared/settings/config.ts';
import { rsaPem, sharedRsaPem, writeKeyFolder } from './key-folders.ts';

/** The token type that {@link seed} defines. */
export const tokenType = 'plain';

/** As of the keys that KeyServer generates. */
const rsaBits = 3072;

/** A database with its keys, and what the operator's tool works on. */
export interface PairState {
  readonly folder: string;
  /** The places of rows and keys, as KeyServer's settings name them. */
  readonly settings: Readonly<Record<string, string>>;
  readonly admin: OperationContext;
}

/** {@link createState} in the test's own folder; the store is closed after the test. */
export async function makeState(t: Test, storage?: Environment): Promise<PairState> {
  const state = await createState(t.testdir({}), storage, sharedRsaPem());
  t.teardown(() => state.admin.store.close());
  return state;
}

/**
 * Makes an empty database with its schema, and its keys; `storage` says where, by default an SQLite
 * file in `folder`. The RSA key is new unless given, PEM. Whoever calls closes the store.
 */
export async function createState(
  folder: string,
  storage?: Environment,
  rsaKey = rsaPem(rsaBits),
): Promise<PairState> {
  const settings = {
    ...(storage ?? { DB_FILE: join(folder, 'keyserver.db') }),
    KEYRING_DIR: join(folder, 'keyring'),
    RSA_KEY_DIR: join(folder, 'rsa'),
  };
  generateKeyring(settings.KEYRING_DIR, new Date());
  writeKeyFolder(settings.RSA_KEY_DIR, { 'first.pem': rsaKey });
  const { config } = parseSettings(Type.Object(storageSettings), settings);
  const store = await openDatabase(config);
  await store.migrate();
  return { folder, settings, admin: { ...loadKeys(config), store, clock: systemClock } };
}

/** The settings that lead KeyServer to a database of a server. */
export function mysqlSettings(options: MysqlServer): Readonly<Record<string, string>> {
  return {
    DB_HOST: options.host,
    DB_PORT: String(options.port),
    DB_USER: options.user,
    DB_PASSWORD: options.password,
    DB_NAME: options.database,
    DB_ALLOW_PUBLIC_KEY_RETRIEVAL: '1',
  };
}

export interface Seeded {
  readonly proxyKey: string;
  /** Of the app `orders`, which may use all clients' tokens of {@link tokenType}. */
  readonly appKey: string;
  /** The secrets by client. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** Stores a proxy, a type whose tokens go to `upstream`, a token for each client, and an app with a grant. */
export async function seed(
  { admin }: PairState,
  upstream: string,
  clients: readonly string[] = ['shop-1'],
): Promise<Seeded> {
  const proxyKey = await createProxy(admin, 'proxy-1');
  const appKey = await createApp(admin, 'orders');
  await putType(admin, tokenType, plainPolicy(upstream));
  await addGrant(admin, 'orders', { client: '*', type: tokenType });
  const tokens: Record<string, string> = {};
  for (const clientId of clients) {
    const token = `made-up-token-${randomBytes(12).toString('hex')}`;
    await putToken(admin, { clientId, tokenType, fields: { token } });
    tokens[clientId] = token;
  }
  return { proxyKey, appKey, tokens };
}

/** A policy under which tokens go to one plain http origin of this machine. */
export function plainPolicy(origin: string): Policy {
  return {
    destinations: [origin],
    unsafePlaintext: true,
    unsafeAllowPrivate: ['127.0.0.0/8'],
    injection: { scheme: 'headers', headers: { Authorization: 'Bearer {token}' } },
  };
}

/** Without a lease a release is kept for five seconds, under one for this policy's 300. */
export function keptForMinutes(upstream: string) {
  return ({ admin }: PairState) =>
    putType(admin, tokenType, { ...plainPolicy(upstream), cacheSeconds: 300 });
}
