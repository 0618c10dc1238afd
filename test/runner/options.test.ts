import t from 'tap';
import { root } from '../docs/sources.ts';
import { readTestOptions } from './options.ts';

const read = (...args: string[]) => readTestOptions(root, args);
const own = 'test/runner/options.test.ts';

t.test('files, or a choice of them; only all are checked, too', async (t) => {
  t.strictSame(read(own, own), { groups: [[own], [own]], isAll: false });
  t.equal(read().isAll, true);
  t.ok(read().groups.flat().includes(own));
  t.equal(read('--unit').isAll, false);
  t.ok(
    read('--long')
      .groups.flat()
      .every((file) => file.endsWith('.long.test.ts')),
  );
});

t.test('what cannot be run is told with what can', async (t) => {
  const told: readonly (readonly [args: readonly string[], message: string])[] = [
    [['test/shared'], 'test/shared is no test file: name one or several that end in .test.ts'],
    [
      ['test/no.test.ts'],
      'test/no.test.ts is no test file: name one or several that end in .test.ts',
    ],
    [['--unit', own], `takes no files: ${own} runs by npm test -- ${own}`],
    [['--changed', 'nowhere'], 'git shows no changes since nowhere'],
  ];
  for (const [args, message] of told) t.throws(() => read(...args), { message });
});
