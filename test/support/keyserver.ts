import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { buildKeyserver } from '../../keyserver/app.ts';
import {
  type AppDocument,
  type CallerKey,
  type DocumentBody,
  sealDocument,
} from '../../keyserver/at-rest/document-row.ts';
import { sealSecret } from '../../keyserver/at-rest/secret.ts';
import { keyserverSettings } from '../../keyserver/config.ts';
import { NonceMemory } from '../../keyserver/exchange/nonce-memory.ts';
import { Nonces } from '../../keyserver/exchange/nonces.ts';
import { Sessions } from '../../keyserver/exchange/sessions.ts';
import { type Keyring, loadKeyring } from '../../keyserver/keys/keyring.ts';
import { loadRsaKeys, type RsaKeys } from '../../keyserver/keys/rsa-keys.ts';
import { Registry } from '../../keyserver/registry/registry.ts';
import { openSqliteStore } from '../../keyserver/store/sqlite/sqlite.ts';
import type { DocumentKind, Store } from '../../keyserver/store/store.ts';
import type { Clock } from '../../shared/clock.ts';
import { systemClock } from '../../shared/clock.ts';
import { callerKeyHash, makeCallerKey } from '../../shared/crypto/caller-key.ts';
import type { LegacyKey } from '../../shared/crypto/legacy-row.ts';
import type { Readiness } from '../../shared/http/health.ts';
import type { Service } from '../../shared/http/service-type.ts';
import type { LogLevel } from '../../shared/log/logging.ts';
import { Metrics } from '../../shared/metrics/metrics.ts';
import { defaultInjection } from '../../shared/policy/injection/schema.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { parseSettings } from '../../shared/settings/config.ts';
import { rsaPem, writeKeyFolder, writeKeyring } from './key-folders.ts';
import { capturedLog, type LogLine } from './log.ts';

export interface TestKeyserverOptions {
  /** Default: the system's. */
  readonly clock?: Clock;
  /** How old what is known of the database is; default: nothing ages, as if it were polled. */
  readonly pollClock?: Clock;
  /** Default: a new SQLite file. A given one is migrated already and not closed here. */
  readonly store?: Store;
  readonly keyring?: Keyring;
  readonly rsaKeys?: RsaKeys;
  readonly legacyKey?: LegacyKey;
  readonly maxNonces?: number;
  /** Tells the registry how old its documents are; default one that stands still, since nothing polls. */
  readonly registryClock?: Clock;
  /** Least level that is kept; default all. */
  readonly level?: LogLevel;
  readonly readiness?: () => Readiness;
}

/** How an app is put: by default with a new key and a grant for everything. */
export interface PutAppOptions extends Partial<AppDocument> {
  /** The app key; default a new one. Null: the app has none, as `anonymous`. */
  readonly key?: string | null;
}

export interface TestKeyserver {
  /** `http://127.0.0.1:port`, without a path. */
  readonly url: string;
  readonly app: Service;
  readonly store: Store;
  readonly keyring: Keyring;
  readonly rsaKeys: RsaKeys;
  readonly registry: Registry;
  readonly sessions: Sessions;
  readonly clock: Clock;
  /** Lines logged so far. */
  log(): LogLine[];
  logText(): string;
  /** Takes over what changed in the database, as polling does. */
  refresh(): Promise<void>;
  /** Puts any document as it is; all `put*` are in force once they resolve. */
  putDocument<K extends DocumentKind>(kind: K, id: string, content: DocumentBody<K>): Promise<void>;
  deleteDocument(kind: DocumentKind, id: string): Promise<void>;
  /** Default: one destination, `https://api.example`, and `Authorization: Bearer {token}`. */
  putType(id: string, policy?: Partial<Policy>): Promise<void>;
  /** Resolves to the app key. */
  putApp(id: string, options?: PutAppOptions): Promise<string>;
  /** Resolves to the proxy key. */
  putProxy(id: string, key?: string): Promise<string>;
  /** A text is `fields.token`; `expiresAt` is ISO 8601. */
  putToken(
    clientId: string,
    tokenType: string,
    fields: string | Readonly<Record<string, string>>,
    expiresAt?: string,
  ): Promise<void>;
  /** Happens after the test anyway. */
  close(): Promise<void>;
}

const stillClock = { monotonic: () => 0 };

/** The grant for every client and type. */
export const everything = [{ client: '*', type: '*' }];

/** Starts KeyServer's app on a free port of 127.0.0.1, over a real database, with generated keys. */
export async function startKeyserver(
  test: Test,
  options: TestKeyserverOptions = {},
): Promise<TestKeyserver> {
  const { clock = systemClock } = options;
  const folder = mkdtempSync(join(tmpdir(), 'keyserver-test-'));
  const keyring = options.keyring ?? loadKeyring(writeKeyring(join(folder, 'keyring')));
  const rsaKeys = options.rsaKeys ?? (await testRsaKeys(join(folder, 'rsa')));
  const store = options.store ?? (await scratchStore(test));
  const captured = capturedLog('keyserver', options.level);
  const registry = new Registry(store, keyring, captured.logger, options.pollClock ?? stillClock);
  const { config } = parseSettings(keyserverSettings, {
    KEYRING_DIR: join(folder, 'keyring'),
    RSA_KEY_DIR: join(folder, 'rsa'),
  });
  const nonces = new NonceMemory(clock, options.maxNonces);
  const sessions = new Sessions(rsaKeys, keyring, clock);
  const app = await buildKeyserver(config, {
    logger: captured.logger,
    metrics: new Metrics('keyserver'),
    store,
    keyring,
    rsaKeys,
    registry,
    sessions,
    nonces: new Nonces(
      (asker, nonce) => nonces.take(asker, nonce),
      new NonceMemory(clock, options.maxNonces, 'forget'),
    ),
    clock,
    legacyKey: options.legacyKey,
    readiness: options.readiness ?? (() => ({ status: 'ready', checks: {} })),
  });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= (async () => {
      await app.close();
      rmSync(folder, { recursive: true });
    })();
    return closed;
  };
  test.teardown(close);
  await registry.refresh();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;

  const putDocument: TestKeyserver['putDocument'] = async (kind, id, content) => {
    await store.editDocument(kind, id, (_current, revision) =>
      sealDocument(keyring, kind, id, revision, content),
    );
    await registry.refresh();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    app,
    store,
    keyring,
    rsaKeys,
    registry,
    sessions,
    clock,
    log: captured.lines,
    logText: captured.text,
    refresh: () => registry.refresh(),
    putDocument,
    async deleteDocument(kind, id) {
      await store.editDocument(kind, id, () => undefined);
      await registry.refresh();
    },
    putType: (id, policy) =>
      putDocument('type', id, {
        destinations: ['https://api.example'],
        injection: defaultInjection,
        ...policy,
      }),
    async putApp(id, { key = makeCallerKey('spk_'), ...document } = {}) {
      const keys = key === null ? [] : [callerKey(key)];
      await putDocument('app', id, { keys, grants: everything, ...document });
      return key ?? '';
    },
    async putProxy(id, key = makeCallerKey('spx_')) {
      await putDocument('proxy', id, { keys: [callerKey(key)] });
      return key;
    },
    async putToken(clientId, tokenType, fields, expiresAt) {
      const secret = {
        fields: typeof fields === 'string' ? { token: fields } : fields,
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
      await store.putToken(sealSecret(keyring, { clientId, tokenType }, secret));
    },
    close,
  };
}

/** A caller's key as documents hold it. */
export function callerKey(key: string, expiresAt?: string): CallerKey {
  return {
    hash: callerKeyHash(key),
    createdAt: '2026-01-01T00:00:00.000Z',
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

let sharedPem: string | undefined;

/** One RSA key for all of a test file: it takes longest to make. */
function testRsaKeys(folder: string): Promise<RsaKeys> {
  sharedPem ??= rsaPem();
  return loadRsaKeys(writeKeyFolder(folder, { 'r1.pem': sharedPem }));
}

/** A migrated store in a SQLite file of its own, which goes after the test. */
export async function scratchStore(test: Test): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'keyserver-store-'));
  const store = openSqliteStore({
    file: join(folder, 'store.db'),
    tokenTable: 'storage',
    timeoutMs: 1500,
  });
  test.teardown(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  await store.migrate();
  return store;
}
