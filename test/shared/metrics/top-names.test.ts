import t from 'tap';
import { topNames } from '../../../shared/metrics/top-names.ts';

t.test('the twenty highest keep their names, the others are summed', async (t) => {
  const values = Array.from({ length: 25 }, (_, i): [string, number] => [`app-${i}`, i]);
  const top = topNames(values);
  t.equal(top.length, 21);
  t.same(top[0], ['app-24', 24]);
  t.same(top.at(-2), ['app-5', 5]);
  t.same(top.at(-1), ['other', 0 + 1 + 2 + 3 + 4]);
  t.same(topNames([['one', 3]]), [['one', 3]]);
  t.same(topNames([...values, ['app-3', 100]])[0], ['app-3', 103], 'values of one name are summed');
});
