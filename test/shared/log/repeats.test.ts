import t from 'tap';
import { Repeats } from '../../../shared/log/repeats.ts';

t.test('the same fault is new again after ten seconds, another one at once', async (t) => {
  let now = 5000;
  const repeats = new Repeats({ monotonic: () => now });
  const isNew = (what: string, afterMs: number) => {
    now += afterMs;
    return repeats.isNew(what);
  };
  t.equal(isNew('a', 0), true);
  t.equal(isNew('a', 0), false);
  t.equal(isNew('a', 9999), false);
  t.equal(isNew('a', 1), true);
  t.equal(isNew('a', 9999), false);
  t.equal(isNew('b', 0), true);
  t.equal(isNew('b', 0), false);
});
