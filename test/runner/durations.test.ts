import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { Durations, longest } from './durations.ts';

const root = resolve(import.meta.dirname, '../..');
const result = (file: string, seconds: number) => ({
  ...{ file, seconds, passed: 1, failed: 0, skipped: [], said: [] },
});

t.test('a run begins with what took longest last time', async (t) => {
  const path = join(t.testdir({}), 'cache/seconds.json');
  const groups = [['a'], ['b'], ['c', 'd'], ['e', 'new'], ['new too']];
  const first = new Durations(path);
  first.note(['a', 'b', 'c', 'd', 'e'].map((file, place) => result(file, place)));
  first.note([result('a', 9)]);
  first.save();
  t.strictSame(new Durations(path).longestFirst(groups), [
    ['a'],
    ['e', 'new'],
    ['c', 'd'],
    ['new too'],
    ['b'],
  ]);
});

t.test('a first run begins with the files that are known to take long', async (t) => {
  const durations = new Durations(join(t.testdir({}), 'none.json'));
  const [long = '', ...others] = longest;
  const group = Array.from({ length: 16 }, (_, place) => `${place}`);
  t.strictSame(durations.longestFirst([['a'], group, [long]]), [[long], group, ['a']]);
  for (const file of [long, ...others]) t.ok(existsSync(join(root, file)), file);
});
