import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from '../../shared/settings/config.ts';
import { faultsOf, ofSetting } from '../../shared/settings/faults.ts';
import { kindFault, secretFileFault, writableFault } from '../../shared/settings/file-mode.ts';
import { checkMode } from '../../shared/settings/private-file.ts';
import { readCaFile } from '../../shared/tls/files.ts';
import type { Store, StoreOptions } from '../store/store.ts';
import { isStoreError } from '../store/store-error.ts';
import { parseTableName } from '../store/table-name.ts';
import { type DatabaseConfig, storageFaults } from './settings.ts';

/**
 * Opens the store that the settings name, and loads no other's connector; it connects on first use. One that only reads
 * takes a file as it is, since its reader need not be its owner.
 * @throws ConfigError
 */
export async function openDatabase(
  config: DatabaseConfig,
  { readOnly = false }: Pick<StoreOptions, 'readOnly'> = {},
): Promise<Store> {
  const { DB_FILE: file, DB_HOST: host, DB_USER: user, DB_NAME: database } = config;
  const common = { tokenTable: config.DB_TOKEN_TABLE, timeoutMs: config.DB_TIMEOUT_MS, readOnly };
  checkTokenTable(config);
  if (!readOnly) checkDatabaseFile(config);
  if (file !== undefined) {
    const { openSqliteStore } = await import('../store/sqlite/sqlite.ts');
    return openSqliteStore({ ...common, file });
  }
  if (host === undefined || user === undefined || database === undefined) {
    throw new ConfigError(storageFaults(config));
  }
  const { openMysqlStore } = await import('../store/mysql/mysql.ts');
  return openMysqlStore({
    ...common,
    host,
    port: config.DB_PORT,
    user,
    password: config.DB_PASSWORD ?? '',
    database,
    tlsCa: readDatabaseCa(config),
    allowPublicKeyRetrieval: config.DB_ALLOW_PUBLIC_KEY_RETRIEVAL,
  });
}

/** Faults of the database's settings that the schema cannot judge, found without opening the database. */
export function databaseFaults(config: Partial<DatabaseConfig>): string[] {
  return [checkTokenTable, checkDatabaseFile, readDatabaseCa].flatMap((judge) =>
    faultsOf(() => judge(config)),
  );
}

/** The database's kind decides which names are allowed, so without one kind there is nothing to judge. */
function checkTokenTable({ DB_FILE, DB_HOST, DB_TOKEN_TABLE }: Partial<DatabaseConfig>): void {
  const isServer = DB_HOST !== undefined;
  if (DB_TOKEN_TABLE === undefined || isServer === (DB_FILE !== undefined)) return;
  try {
    parseTableName(DB_TOKEN_TABLE, { withDatabase: isServer });
  } catch (error) {
    if (isStoreError(error, 'table_name_invalid')) {
      throw new ConfigError([`DB_TOKEN_TABLE: ${error.message}`]);
    }
    throw error;
  }
}

/** The -wal and -shm files hold rows, too. */
function checkDatabaseFile({ DB_FILE: file }: Partial<DatabaseConfig>): void {
  if (file === undefined) return;
  // It would be the name of a new file, and all that is stored would seem lost.
  if (/^(?:file:|:memory:)|^\s|\s$/.test(file)) {
    throw new ConfigError([
      `DB_FILE must be a path, without file: and white space around it (it is ${JSON.stringify(file)})`,
    ]);
  }
  const folder = dirname(resolve(file));
  if (!existsSync(folder)) {
    throw new ConfigError([`DB_FILE: there is no folder ${folder}`]);
  }
  ofSetting('DB_FILE', () => {
    checkMode(writableFault, folder);
    if (existsSync(file)) checkMode(kindFault, file);
    for (const suffix of ['', '-wal', '-shm']) checkMode(secretFileFault, file + suffix);
  });
}

/** Text of `DB_TLS_CA`; undefined if it is not used. @throws ConfigError if it cannot be read or has no certificate */
export function readDatabaseCa({
  DB_HOST,
  DB_TLS_CA: file,
}: Partial<DatabaseConfig>): string | undefined {
  if (DB_HOST === undefined || file === undefined) return undefined;
  return ofSetting('DB_TLS_CA', () => readCaFile(file));
}
