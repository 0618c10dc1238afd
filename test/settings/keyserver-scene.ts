import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { loadRsaKeys } from '../../keyserver/keys/rsa-keys.ts';
import { loadKeys } from '../../keyserver/operations/context.ts';
import { readKeyserverSettings } from '../../keyserver/read-settings.ts';
import { keyserverProgram } from '../../keyserver/start.ts';
import { openDatabase } from '../../keyserver/storage/database.ts';
import { systemClock } from '../../shared/clock.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { type Ask, ask, type ClientSession, type Exchange } from '../support/exchange-client.ts';
import { sharedRsaPem, writeKeyFolder, writeKeyring } from '../support/key-folders.ts';
import { type PairState, seed, tokenType } from '../support/pair-state.ts';
import { newFolder, type StartedService, startService } from './service.ts';

const pem = sharedRsaPem();
const upstream = 'http://127.0.0.1:9';

/** Settings of a KeyServer with keys and an SQLite file of its own. */
export function keyserverSettingsIn(folder: string): Readonly<Record<string, string>> {
  return {
    DB_FILE: join(folder, 'store.db'),
    KEYRING_DIR: writeKeyring(join(folder, 'keyring')),
    RSA_KEY_DIR: writeKeyFolder(join(folder, 'rsa'), { 'r1.pem': pem }),
  };
}

export const startKeyserver = (t: Test, settings: Environment): Promise<StartedService> =>
  startService(t, keyserverProgram, { ...keyserverSettingsIn(newFolder(t)), ...settings });

/** A KeyServer with a proxy, an app and a token, which it releases if asked. */
export interface KeyserverScene extends StartedService {
  readonly state: PairState;
  ask(differently?: Partial<Ask>, session?: ClientSession): Promise<Exchange>;
}

/** @param storage settings of a database that exists; absent: an SQLite file */
export async function startScene(
  t: Test,
  further: Environment = {},
  storage?: Environment,
): Promise<KeyserverScene> {
  const folder = newFolder(t);
  const { DB_FILE, ...keys } = keyserverSettingsIn(folder);
  const settings = { ...keys, ...(storage ?? { DB_FILE }), ...further } as Record<string, string>;
  const { config } = readKeyserverSettings(settings);
  const store = await openDatabase(config);
  t.teardown(() => store.close());
  await store.migrate();
  const state = { folder, settings, admin: { ...loadKeys(config), store, clock: systemClock } };
  const { proxyKey, appKey } = await seed(state, upstream);
  const service = await startService(t, keyserverProgram, settings);
  const rsaKeys = await loadRsaKeys(config.RSA_KEY_DIR);
  const credential = {
    proxy: proxyKey,
    app: appKey,
    target: { method: 'GET', url: `${upstream}/` },
  };
  return {
    ...service,
    state,
    ask: (differently, session) =>
      ask(
        { url: service.url, rsaKeys, clock: systemClock },
        { clientId: 'shop-1', tokenType, credential, ...differently },
        session,
      ),
  };
}

/** The names of the tables in an SQLite file. */
export async function tablesOf(file: string): Promise<string[]> {
  if (!existsSync(file)) return [];
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(file);
  try {
    const rows = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    return rows.map(({ name }) => String(name));
  } finally {
    database.close();
  }
}
