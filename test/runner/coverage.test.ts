import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { belowThresholds, covered, keepCoverage } from './coverage.ts';

const parts = (total: number, covered: number, branches = total) => ({
  lines: { total, covered },
  branches: { total: branches, covered: branches },
});

t.test('counts the named folders alone, files that no test loaded included', async (t) => {
  const root = t.testdir({
    shared: {
      'full.ts': '',
      deep: { 'half.ts': '' },
      'unloaded.ts': 'export function f() {\n  return 1;\n}',
      'types.ts': "import type { A } from './a.ts';\n\nexport interface B {\n  readonly a: A;\n}\n",
    },
    test: { 'x.ts': 'const a = 1;' },
  });
  const all = covered(root, ['shared'], {
    [join(root, 'shared/full.ts')]: parts(10, 10, 3),
    [join(root, 'shared/deep/half.ts')]: parts(10, 5, 2),
    [join(root, 'test/x.ts')]: parts(100, 100),
  });
  t.strictSame(
    all.map(({ file, measure, percent }) => `${file} ${measure} ${percent}`),
    [
      // 15 of 10 + 10 + 3, rounded down.
      '** lines 65.2',
      'shared/deep/half.ts lines 50',
      'shared/full.ts lines 100',
      'shared/types.ts lines 100',
      'shared/unloaded.ts lines 0',
      // 5 of 3 + 2 + 1.
      '** branches 83.3',
      'shared/deep/half.ts branches 100',
      'shared/full.ts branches 100',
      'shared/types.ts branches 100',
      'shared/unloaded.ts branches 0',
    ],
  );
});

t.test('the last threshold that a file matches holds, and only for its measure', async (t) => {
  const all = [
    { file: '**', measure: 'lines', percent: 97 },
    { file: 'shared/crypto/aead.ts', measure: 'lines', percent: 1 },
    { file: 'shared/crypto/aead.ts', measure: 'branches', percent: 94.9 },
    { file: 'shared/policy/url.ts', measure: 'branches', percent: 92 },
    { file: 'keyserver/app.ts', measure: 'branches', percent: 2 },
  ] as const;
  const below = belowThresholds(all, {
    '**': { lines: 98, branches: 90 },
    'shared/{crypto,policy}/**': { branches: 95 },
    'shared/policy/url.ts': { branches: 92 },
  });
  t.strictSame(
    below.map(({ file, measure, least }) => `${file} ${measure} ${least}`),
    ['** lines 98', 'shared/crypto/aead.ts branches 95'],
  );
});

t.test('keeps the sources of the named folders of what a process recorded', async (t) => {
  const root = t.testdir({ v8: {} });
  const url = (path: string) => ({ url: pathToFileURL(join(root, path)).href, functions: [] });
  const write = (name: string, text: string) => writeFileSync(join(root, 'v8', name), text);
  const result = [url('shared/a.ts'), url('node_modules/x/shared/b.js'), url('test/c.ts')];
  write('coverage-1.json', JSON.stringify({ result, timestamp: 1 }));
  write('coverage-2.json', JSON.stringify({ result: [url('test/c.ts')] }));
  // Of a process that was killed while it wrote.
  write('coverage-3.json', '{"result":[');
  const kept = join(root, 'kept');
  mkdirSync(kept);
  keepCoverage(root, ['shared'], join(root, 'v8'), kept);
  t.strictSame(readdirSync(kept), ['coverage-1.json']);
  t.strictSame(JSON.parse(readFileSync(join(kept, 'coverage-1.json'), 'utf8')), {
    result: [url('shared/a.ts')],
  });
  t.strictSame(readdirSync(root), ['kept'], 'what was recorded is gone');
});
