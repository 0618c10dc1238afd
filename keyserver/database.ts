import { readFileSync } from 'node:fs';
import { ConfigError } from '../shared/settings/config.ts';
import type { StorageConfig } from './config.ts';
import { openStore } from './store/open.ts';
import type { Store } from './store/store.ts';

/** Opens the store that the settings name; it connects when first used. @throws ConfigError */
export function openDatabase(config: StorageConfig): Store {
  const tlsCa = config.DB_TLS_CA === undefined ? undefined : readCa(config.DB_TLS_CA);
  try {
    return openStore({
      file: config.DB_FILE,
      host: config.DB_HOST,
      port: config.DB_PORT,
      user: config.DB_USER,
      password: config.DB_PASSWORD,
      database: config.DB_NAME,
      tlsCa,
      allowPublicKeyRetrieval: config.DB_ALLOW_PUBLIC_KEY_RETRIEVAL,
      tokenTable: config.DB_TOKEN_TABLE,
      timeoutMs: config.DB_TIMEOUT_MS,
    });
  } catch (error) {
    // Whether host or file is set was judged before (storageFaults): what is left is the table's name.
    if (error instanceof RangeError) throw new ConfigError([`DB_TOKEN_TABLE: ${error.message}`]);
    throw error;
  }
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([
      `DB_TLS_CA: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`,
    ]);
  }
}
