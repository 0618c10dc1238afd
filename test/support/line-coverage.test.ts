import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { lineCoverage } from './line-coverage.ts';

const lines = (total: number, covered: number) => ({ lines: { total, covered } });

t.test('counts the lines of the named folders alone, files that no test loaded included', (t) => {
  const root = t.testdir({
    shared: {
      'full.ts': '',
      deep: { 'half.ts': '' },
      'unloaded.ts': 'export function f() {\n  return 1;\n}',
      'types.ts': "import type { A } from './a.ts';\n\nexport interface B {\n  readonly a: A;\n}\n",
    },
    test: { 'x.ts': 'const a = 1;' },
  });
  const summary = {
    total: lines(1000, 1000),
    [join(root, 'shared/full.ts')]: lines(10, 10),
    [join(root, 'shared/deep/half.ts')]: lines(10, 5),
    [join(root, 'test/x.ts')]: lines(100, 100),
  };
  const summaryFile = join(root, 'summary.json');
  writeFileSync(summaryFile, JSON.stringify(summary));
  t.strictSame(lineCoverage(root, ['shared'], summaryFile), {
    // 15 of 10 + 10 + 3, rounded down.
    percent: 65.2,
    gaps: [
      { file: 'shared/unloaded.ts', percent: 0 },
      { file: 'shared/deep/half.ts', percent: 50 },
    ],
  });
  t.end();
});
