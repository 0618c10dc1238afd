import { join } from 'node:path';
import t from 'tap';
import { Durations } from './durations.ts';

const result = (file: string, seconds: number) => ({
  ...{ file, seconds, passed: 1, failed: 0, skipped: [], said: [] },
});

t.test('a run begins with what took longest last time, and with what is new', async (t) => {
  const path = join(t.testdir({}), 'cache/seconds.json');
  const groups = [['a'], ['b'], ['c', 'd'], ['e', 'new'], ['new too']];
  const first = new Durations(path);
  t.strictSame(first.longestFirst(groups), groups, 'nothing is known yet');
  first.note(['a', 'b', 'c', 'd', 'e'].map((file, place) => result(file, place)));
  first.note([result('a', 9)]);
  first.save();
  t.strictSame(new Durations(path).longestFirst(groups), [
    ['e', 'new'],
    ['new too'],
    ['a'],
    ['c', 'd'],
    ['b'],
  ]);
});
