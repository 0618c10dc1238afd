/** A process that puts tokens into a SQLite file, as an operator's tool does: FILE COUNT. */
import { openSqliteStore } from '../../../../keyserver/store/sqlite/sqlite.ts';

const [file = '', count = '0'] = process.argv.slice(2);
const store = openSqliteStore({ file, tokenTable: 'storage', timeoutMs: 1500 });
for (let n = 0; n < Number(count); n += 1) {
  await store.putToken({ clientId: `theirs ${n}`, tokenType: 'ozon', token: 'x' });
}
await store.close();
