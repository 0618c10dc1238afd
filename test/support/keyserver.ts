import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import {
  type AppDocument,
  type CallerKey,
  type DocumentBody,
  sealDocument,
} from '../../keyserver/at-rest/document-row.ts';
import { sealSecret } from '../../keyserver/at-rest/secret.ts';
import type { ChangePoll } from '../../keyserver/changes/poll.ts';
import type { Sessions } from '../../keyserver/exchange/sessions.ts';
import type { Keyring } from '../../keyserver/keys/keyring.ts';
import type { RsaKeys } from '../../keyserver/keys/rsa-keys.ts';
import { readKeyserverSettings } from '../../keyserver/read-settings.ts';
import type { Registry } from '../../keyserver/registry/registry.ts';
import type { Heartbeat } from '../../keyserver/replicas/heartbeat.ts';
import type { StartCheck } from '../../keyserver/replicas/start-check.ts';
import { wireKeyserver } from '../../keyserver/start.ts';
import { openDatabase } from '../../keyserver/storage/database.ts';
import { openSqliteStore } from '../../keyserver/store/sqlite/sqlite.ts';
import type { DocumentKind, Store } from '../../keyserver/store/store.ts';
import type { Clock } from '../../shared/clock.ts';
import { systemClock } from '../../shared/clock.ts';
import { callerKeyHash, makeCallerKey } from '../../shared/crypto/caller-key.ts';
import type { LegacyKey } from '../../shared/crypto/legacy-row.ts';
import type { Service } from '../../shared/http/service-type.ts';
import type { LogLevel } from '../../shared/log/levels.ts';
import { defaultInjection } from '../../shared/policy/injection/schema.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { testTimeoutMs } from './database.ts';
import { sharedRsaPem, writeKeyFolder, writeKeyring } from './key-folders.ts';
import { legacyFiles } from './legacy-rows.ts';
import { capturedLog, type LogLine } from './log.ts';

export interface TestKeyserverOptions {
  /** Default: the system's. */
  readonly clock?: Clock;
  /** How old what is known of the database is; default: nothing ages, as if it were polled. */
  readonly pollClock?: Clock;
  /** Default: a new SQLite file. A given one is migrated already and not closed here. */
  readonly store?: Store;
  /** Settings by name, as in the environment. Folders of keys that are not there are made. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Serves rows that are sealed so. */
  readonly legacyKey?: LegacyKey;
  readonly maxNonces?: number;
  /** Least level that is kept; default all. */
  readonly level?: LogLevel;
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
  /** Of both folders; not started: a test polls when it wants to. */
  readonly keyFolders: readonly { poll(): void }[];
  readonly registry: Registry;
  /** Not started: a test lets it beat. */
  readonly heartbeat: Heartbeat;
  /** Not started: nothing is held up. */
  readonly startCheck: StartCheck;
  readonly sessions: Sessions;
  /** Not started: a test refreshes when it wants to. */
  readonly poll: ChangePoll;
  /** As in the environment; a KeyServer with the same ones has the same keys. */
  readonly settings: Readonly<Record<string, string>>;
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

/** Starts KeyServer on a free port of 127.0.0.1, over a real database, with generated keys; it does not poll. */
export async function startKeyserver(
  test: Test,
  options: TestKeyserverOptions = {},
): Promise<TestKeyserver> {
  const { clock = systemClock, pollClock = stillClock, maxNonces } = options;
  const folder = mkdtempSync(join(tmpdir(), 'keyserver-test-'));
  test.teardown(() => rmSync(folder, { recursive: true }));
  const settings = {
    PORT: '0',
    DB_FILE: join(folder, 'store.db'),
    KEYRING_DIR: join(folder, 'keyring'),
    RSA_KEY_DIR: join(folder, 'rsa'),
    ...(options.legacyKey && {
      UNSAFE_LEGACY_ROWS: '1',
      ...legacyFiles(join(folder, 'legacy'), options.legacyKey),
    }),
    ...options.settings,
  };
  if (!existsSync(settings.KEYRING_DIR)) writeKeyring(settings.KEYRING_DIR);
  if (!existsSync(settings.RSA_KEY_DIR))
    writeKeyFolder(settings.RSA_KEY_DIR, { 'r1.pem': sharedRsaPem() });
  const { config } = readKeyserverSettings(settings);
  const store = options.store ?? (await openDatabase(config));
  const captured = capturedLog('keyserver', options.level);
  const keyserver = await wireKeyserver(config, {
    store,
    logger: captured.logger,
    clock,
    registryClock: pollClock,
    maxNonces,
  });
  const { app, keyring, rsaKeys, registry, sessions, poll } = keyserver;
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= (async () => {
      await app.close();
      await keyserver.close();
    })();
    return closed;
  };
  if (options.store === undefined) {
    test.teardown(() => store.close());
    await store.migrate();
  }
  test.teardown(close);
  await registry.refresh();
  await keyserver.listen();
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
    heartbeat: keyserver.heartbeat,
    startCheck: keyserver.startCheck,
    keyFolders: [keyserver.keyringFiles, keyserver.rsaFiles],
    registry,
    sessions,
    poll,
    settings,
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

/** A migrated store in a SQLite file of its own, which goes after the test. */
export async function scratchStore(test: Test): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'keyserver-store-'));
  const store = openSqliteStore({
    file: join(folder, 'store.db'),
    tokenTable: 'storage',
    timeoutMs: testTimeoutMs,
  });
  test.teardown(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  await store.migrate();
  return store;
}
