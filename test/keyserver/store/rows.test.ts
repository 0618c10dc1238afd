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

t.test('takes whole numbers, and nothing for one that is none', async (t) => {
  for (const n of [7, 7n]) t.equal(integer({ n }, 'n'), 7);
  for (const n of [2 ** 53, 2n ** 53n, 0.5, '7', null]) t.same(integer({ n }, 'n'), Number.NaN);
});
