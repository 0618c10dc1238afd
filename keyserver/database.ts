import { readFileSync } from 'node:fs';
import { ConfigError } from '../shared/settings/config.ts';
import { type StorageConfig, storageFaults } from './config.ts';
import { openMysqlStore } from './store/mysql/mysql.ts';
import { openSqliteStore } from './store/sqlite/sqlite.ts';
import type { Store } from './store/store.ts';
import { isStoreError } from './store/store-error.ts';

/** Opens the store that the settings name; it connects on first use. @throws ConfigError */
export function openDatabase(config: StorageConfig): Store {
  const { DB_FILE: file, DB_HOST: host, DB_USER: user, DB_NAME: database } = config;
  const common = { tokenTable: config.DB_TOKEN_TABLE, timeoutMs: config.DB_TIMEOUT_MS };
  try {
    if (file !== undefined) return openSqliteStore({ ...common, file });
    if (host === undefined || user === undefined || database === undefined) {
      throw new ConfigError(storageFaults(config));
    }
    return openMysqlStore({
      ...common,
      host,
      port: config.DB_PORT,
      user,
      password: config.DB_PASSWORD ?? '',
      database,
      tlsCa: config.DB_TLS_CA === undefined ? undefined : readCa(config.DB_TLS_CA),
      allowPublicKeyRetrieval: config.DB_ALLOW_PUBLIC_KEY_RETRIEVAL,
    });
  } catch (error) {
    // Only the stores know which table names are valid.
    if (isStoreError(error, 'table_name_invalid')) {
      throw new ConfigError([`DB_TOKEN_TABLE: ${error.message}`]);
    }
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
