import t from 'tap';
import { parseTableName } from '../../../keyserver/store/table-name.ts';

const copyOf = (name: string) => parseTableName(name, { withDatabase: true }).legacyCopy;

t.test('names the copy of a table after it', async (t) => {
  t.same(copyOf('storage'), {
    name: 'storage_before_takeover',
    quoted: '`storage_before_takeover`',
  });
  t.equal(copyOf('shop.storage').quoted, '`shop`.`storage_before_takeover`');
  const longest = 'x'.repeat(48);
  t.equal(copyOf(longest).name, `${longest}_before_takeover`);
});

t.test('names the copies of tables apart, however long and alike their names are', async (t) => {
  const names = [48, 49, 63, 64].map((length) => 'x'.repeat(length));
  const tables = [...names, `${'x'.repeat(63)}y`, `${'x'.repeat(48)}y`];
  const copies = tables.map((table) => copyOf(table).name);
  t.equal(new Set(copies).size, tables.length);
  for (const copy of copies) {
    t.ok(copy.length <= 64, copy);
    t.equal(parseTableName(copy, { withDatabase: false }).table, copy);
  }
});
