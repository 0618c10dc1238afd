import t from 'tap';
import { Turns } from '../../../shared/overload/turns.ts';

/** Letters are sources. */
function turnsOf(...names: readonly string[]) {
  const turns = new Turns<string>();
  for (const name of names) turns.add(name.charAt(0), name);
  return turns;
}

t.test('sources take turns, and what is of one keeps its order', (t) => {
  const turns = turnsOf('a1', 'a2', 'a3', 'b1', 'c1', 'c2');
  const taken = Array.from({ length: 7 }, () => turns.take());
  t.strictSame(taken, ['a1', 'b1', 'c1', 'a2', 'c2', 'a3', undefined]);
  t.equal(turns.size, 0);
  t.end();
});

t.test('what was taken or removed is there no more, and is not counted twice', (t) => {
  const turns = turnsOf('a1', 'a2', 'b1');
  t.equal(turns.take(), 'a1');
  turns.remove('a', 'a1');
  turns.remove('z', 'z1');
  t.equal(turns.size, 2);
  turns.remove('b', 'b1');
  t.equal(turns.size, 1);
  t.equal(turns.take(), 'a2');
  t.end();
});

t.test('the newest of the longest line is found', (t) => {
  t.equal(turnsOf('a1', 'b1', 'b2', 'c1').newestOfLongest, 'b2');
  t.equal(turnsOf('a1', 'b1').newestOfLongest, 'b1', 'the later source of equal ones');
  t.equal(turnsOf().newestOfLongest, undefined);
  t.end();
});
