/** A process that migrates the store whose settings it is sent, and sends back what it applied. */
import { type MysqlStoreOptions, openMysqlStore } from '../../../../keyserver/store/mysql/mysql.ts';
import {
  openSqliteStore,
  type SqliteStoreOptions,
} from '../../../../keyserver/store/sqlite/sqlite.ts';

process.once('message', async (options: MysqlStoreOptions | SqliteStoreOptions) => {
  const store = 'file' in options ? openSqliteStore(options) : openMysqlStore(options);
  process.send?.(await store.migrate());
  await store.close();
  process.disconnect();
});
