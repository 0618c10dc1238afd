import t from 'tap';
import { NamesAlike, whetherMeant } from '../../../keyserver/operations/names-alike.ts';

t.test(
  'a new name that looks like another one is told, with the letter that differs',
  async (t) => {
    for (const [other, name, code] of [
      ['shop', 'Shop', '0053'],
      ['cafe', 'café', '00E9'],
      ['магазин', 'Магазин', '041C'],
      ['елка', 'ёлка', '0451'],
      ['shop', 'ѕhop', '0455'],
      ['HOCK', 'НОСК', '041D'],
      ['alpha', 'αlpha', '03B1'],
      ['paxy', 'раху', '0440'],
      ['straße', 'strasse', '0073'],
      ['shop1', 'shop１', 'FF11'],
      ['shop', 'shop ', '0020'],
      ['shop ', 'shop', '0020'],
    ] as const) {
      t.same(new NamesAlike([other]).add('client', name), [
        `the client ${JSON.stringify(name)} is new, and looks like ${JSON.stringify(other)}: they differ in U+${code}`,
      ]);
    }
  },
);

t.test('others are told apart', async (t) => {
  const names = new NamesAlike(['shop-1', 'магазин', 'О', 'Ж']);
  for (const name of ['shop-2', 'shop1', 'магазины', '0', 'X', 'З', 'Λ']) {
    t.same(names.add('client', name), [], name);
  }
});

t.test('names that are there are not told, though they look alike', async (t) => {
  const names = new NamesAlike(['shop', 'Shop']);
  t.same(names.add('client', 'shop'), []);
  t.same(names.add('client', 'Shop'), []);
  t.ok(names.has('Shop'));
  t.notOk(names.has('SHOP'));
  t.equal(names.add('client', 'SHOP').length, 1);
  t.same(names.add('client', 'SHOP'), [], 'once');
});

t.test('a name that differs by a typing error may be meant, but no other number', async (t) => {
  const names = ['shop-17', 'amazon'];
  for (const [name, said] of [
    ['amazn', '; is "amazon" meant?'],
    ['amzaon', '; is "amazon" meant?'],
    ['shop17', '; is "shop-17" meant?'],
    ['shop-18', ''],
    ['shop-17', ''],
    ['ozon', ''],
  ] as const) {
    t.equal(whetherMeant(name, names), said, name);
  }
});
