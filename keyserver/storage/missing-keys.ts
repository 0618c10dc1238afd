import type { Logger } from 'pino';
import { ConfigError } from '../../shared/settings/config.ts';
import { generateKeyring, generateRsaKey, isKeyFolderEmpty } from '../keys/generate.ts';
import type { Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { openDatabase } from './database.ts';
import type { StorageConfig } from './settings.ts';

interface KeyGenerationConfig extends StorageConfig {
  readonly RSA_KEY_DIR: string;
  readonly DB_MIGRATE: 'on' | 'off';
  readonly GENERATE_KEYS: boolean;
}

/**
 * Generates missing keys if `GENERATE_KEYS` is set. A new keyring for a database with sealed rows would
 * hide the loss of the one that sealed them; rows of the earlier system need none.
 * @throws ConfigError if the database has sealed rows but no keyring
 */
export async function generateMissingKeys(
  config: KeyGenerationConfig,
  logger: Logger,
): Promise<void> {
  if (!config.GENERATE_KEYS) return;
  const store = await openDatabase(config);
  const { KEYRING_DIR, RSA_KEY_DIR } = config;
  const now = new Date();
  try {
    if (isKeyFolderEmpty(KEYRING_DIR)) {
      if (await databaseNeedsKeyring(config, store)) throw keyringLost(KEYRING_DIR);
      generateKeyring(KEYRING_DIR, now);
      logger.info({ folder: KEYRING_DIR }, 'keyring made');
    }
    if (isKeyFolderEmpty(RSA_KEY_DIR)) {
      await generateRsaKey(RSA_KEY_DIR, now);
      logger.info({ folder: RSA_KEY_DIR }, 'RSA key made');
    }
  } finally {
    await store.close();
  }
}

/** A new keyring would hide the loss. */
export function keyringLost(folder: string): ConfigError {
  return new ConfigError([
    `${folder} has no keys, but the database has rows that a keyring sealed: restore it`,
  ]);
}

async function databaseNeedsKeyring(config: KeyGenerationConfig, store: Store): Promise<boolean> {
  try {
    if (config.DB_MIGRATE === 'on') await store.migrate();
    return await store.needsKeyring();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new ConfigError([
      `GENERATE_KEYS needs the database, to check that it has no sealed rows yet: ${error.message}`,
    ]);
  }
}
