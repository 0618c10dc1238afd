import t from 'tap';
import { integer, isExactly, text } from '../../../keyserver/store/rows.ts';

t.test('compares bytes with a name, of text and of binary columns', async (t) => {
  for (const key of ['Ёлка', Buffer.from('Ёлка')]) {
    t.equal(isExactly({ key }, 'key', 'Ёлка'), true);
    t.equal(isExactly({ key }, 'key', 'Ёлка '), false);
    t.equal(isExactly({ key }, 'key', 'ёлка'), false);
  }
  t.equal(isExactly({ key: null }, 'key', ''), false);
  t.equal(
    isExactly({ key: Buffer.from([0xff]) }, 'key', '\ufffd'),
    false,
    'bytes that are no UTF-8',
  );
});

t.test('reads text of either column type, and none from NULL', async (t) => {
  t.equal(text({ a: 'ё' }, 'a'), 'ё');
  t.equal(text({ a: Buffer.from('ё') }, 'a'), 'ё');
  t.equal(text({ a: null }, 'a'), '');
});

t.test('refuses what is no whole number', async (t) => {
  t.equal(integer({ n: 7 }, 'n'), 7);
  for (const n of [2 ** 53, 0.5, 7n, '7', null]) t.throws(() => integer({ n }, 'n'), TypeError);
});
