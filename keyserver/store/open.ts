import type { MysqlServer } from './mysql/connections.ts';
import { openMysqlStore } from './mysql/mysql.ts';
import { openSqliteStore } from './sqlite/sqlite.ts';
import type { Store, StoreOptions } from './store.ts';

type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Settings of either store; `host` or `file` says which, and exactly one of the two is set. */
export interface StoreConfig extends StoreOptions, Optional<MysqlServer> {
  /** Path of the SQLite file. */
  readonly file?: string | undefined;
}

/** Opens the store that the settings name; it connects when first used. A RangeError where they do not. */
export function openStore(config: StoreConfig): Store {
  const { host, file, port = 3306, user, password = '', database } = config;
  if (file !== undefined && host === undefined) return openSqliteStore({ ...config, file });
  if (host === undefined || file !== undefined) {
    throw new RangeError('Exactly one of a database host and a database file must be set');
  }
  if (user === undefined || database === undefined) {
    throw new RangeError('A database host needs a user and a database name');
  }
  return openMysqlStore({ ...config, host, port, user, password, database });
}
