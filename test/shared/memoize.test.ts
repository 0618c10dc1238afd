import t from 'tap';
import { memoize, memoizeByText } from '../../shared/memoize.ts';

/** Counts how often each key was asked for, which is what it makes. */
function counted<K>() {
  const counts = new Map<K, number>();
  return (key: K) => {
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return { key, count };
  };
}

t.test('makes once for an object, and again for another that looks the same', async (t) => {
  const of = memoize(counted<object>());
  const one = { name: 'one' };
  t.equal(of(one), of(one));
  t.not(of({ name: 'one' }), of(one));
});

t.test('makes once for a text', async (t) => {
  const of = memoizeByText(counted<string>());
  t.same(of('one'), { key: 'one', count: 1 });
  t.same(of('two'), { key: 'two', count: 1 });
  t.equal(of('o'.concat('ne')), of('one'));
});

t.test('keeps no text of more than 1024 characters', async (t) => {
  const of = memoizeByText(counted<string>());
  for (const [length, count] of [
    [1024, 1],
    [1025, 2],
  ] as const) {
    of('x'.repeat(length));
    t.equal(of('x'.repeat(length)).count, count, `${length}`);
  }
});

t.test('keeps no more than a thousand texts', async (t) => {
  const of = memoizeByText(counted<number | string>());
  for (let i = 0; i < 1000; i++) of(`${i}`);
  t.equal(of('0').count, 1, 'a thousand are kept');
  of('one more');
  t.equal(of('0').count, 2, 'with one more all are forgotten');
  t.equal(of('one more').count, 1, 'but for that one');
});

t.test('keeps nothing where the making fails', async (t) => {
  let failing = true;
  const of = memoizeByText((text) => {
    if (failing) throw new Error(text);
    return text;
  });
  t.throws(() => of('one'), { message: 'one' });
  failing = false;
  t.equal(of('one'), 'one');
});
