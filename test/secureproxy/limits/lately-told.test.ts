import t from 'tap';
import { LatelyTold } from '../../../secureproxy/limits/lately-told.ts';
import { testClock } from '../../support/clock.ts';

t.test('keeps the greatest number of a minute', async (t) => {
  const clock = testClock();
  const told = new LatelyTold(clock);
  t.equal(told.most, 0);
  told.note(3);
  clock.advance(30_000);
  told.note(1);
  told.note(2);
  t.equal(told.most, 3);
  clock.advance(29_999);
  t.equal(told.most, 3);
  clock.advance(1);
  t.equal(told.most, 2, 'that of a minute ago is forgotten');
  told.note(4);
  t.equal(told.most, 4, 'a greater one counts at once');
  clock.advance(60_000);
  t.equal(told.most, 0);
});
