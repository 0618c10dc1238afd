import t from 'tap';
import { openStore } from '../../../keyserver/store/open.ts';
import { scratchFile } from '../../support/database.ts';

const common = { tokenTable: 'storage', timeoutMs: 1500 };

t.test('opens the store whose place is set', async (t) => {
  const sqlite = openStore({ ...common, file: scratchFile(t), host: undefined });
  t.match(sqlite.description, /^sqlite /);
  await sqlite.close();
  const server = { host: 'db.example', user: 'u', password: 'hidden', database: 'd' };
  const mysql = openStore({ ...common, ...server, file: undefined });
  t.equal(mysql.description, 'mysql://db.example:3306/d, table storage');
  await mysql.close();
});

t.test('refuses both, neither, and a server without user or database', async (t) => {
  for (const place of [
    {},
    { host: 'h', user: 'u', database: 'd', file: 'f' },
    { host: 'h', database: 'd' },
    { host: 'h', user: 'u' },
  ]) {
    t.throws(() => openStore({ ...common, ...place }), RangeError);
  }
});
