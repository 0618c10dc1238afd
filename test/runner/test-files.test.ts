import t from 'tap';
import { changedSince, isCovered, TestFiles } from './test-files.ts';

const source = (path: string, ...imports: string[]) => ({
  path,
  text: imports.map((name) => `import '${name}';`).join('\n'),
});
const tests = new TestFiles([
  source('shared/clock.ts'),
  source('shared/workers.ts', 'node:cluster'),
  source('test/support/process.ts', 'node:child_process'),
  source('test/docs/page.test.ts'),
  source('test/e2e/pair.test.ts', '../support/process.ts'),
  source('test/e2e/pair.long.test.ts', '../support/process.ts', '../../shared/clock.ts'),
  source('test/shared/clock.test.ts', '../../shared/clock.ts'),
  source('test/shared/workers.test.ts', '../../shared/workers.ts'),
  source('test/support/mariadbd.ts', 'node:child_process'),
  source('test/keyserver/store.test.ts', '../support/mariadbd.ts'),
]);

t.test('tests of the project that start no process but a database server share one', async (t) => {
  const files = ['contract', 'token-batch'].map((name) => `test/keyserver/store/${name}.test.ts`);
  t.strictSame(new TestFiles().inGroups(files), [files]);
});

t.test('long tests run apart', async (t) => {
  t.strictSame(tests.all, [
    'test/docs/page.test.ts',
    'test/e2e/pair.test.ts',
    'test/shared/clock.test.ts',
    'test/shared/workers.test.ts',
    'test/keyserver/store.test.ts',
  ]);
  t.strictSame(tests.long, ['test/e2e/pair.long.test.ts']);
});

t.test('those that start processes run alone, the others together and first', async (t) => {
  t.strictSame(tests.inGroups(tests.all), [
    [
      'test/docs/page.test.ts',
      'test/shared/clock.test.ts',
      'test/shared/workers.test.ts',
      'test/keyserver/store.test.ts',
    ],
    ['test/e2e/pair.test.ts'],
  ]);
  t.strictSame(tests.inGroups([]), []);
  const many = Array.from({ length: 33 }, (_, at) => `test/shared/${at}.test.ts`);
  const groups = new TestFiles(many.map((path) => source(path))).inGroups(many);
  t.strictSame(
    groups.map(({ length }) => length),
    [11, 11, 11],
  );
  t.strictSame(groups.flat(), many);
});

t.test('coverage is recorded of processes with a test that may add to it', async (t) => {
  t.notOk(isCovered(['test/fuzz/x.test.ts', 'test/e2e/streaming-memory.test.ts']));
  t.ok(isCovered(['test/fuzz/x.test.ts', 'test/shared/clock.test.ts']));
  t.ok(isCovered(['test/e2e/nginx-x.test.ts']));
});

t.test('a unit test starts no process, whatever the product could start', async (t) => {
  t.strictSame(tests.unit, [
    'test/docs/page.test.ts',
    'test/shared/clock.test.ts',
    'test/shared/workers.test.ts',
  ]);
});

t.test('a change concerns the tests that import it, and a page those of its part', async (t) => {
  t.strictSame(tests.reaching(['shared/clock.ts']), ['test/shared/clock.test.ts']);
  t.strictSame(tests.reaching(['test/support/process.ts']), ['test/e2e/pair.test.ts']);
  t.strictSame(tests.reaching(['test/docs/page.test.ts']), ['test/docs/page.test.ts']);
  t.strictSame(tests.reaching(['docs/metrics.md']), ['test/docs/page.test.ts']);
  t.strictSame(tests.reaching(['README.md']), ['test/docs/page.test.ts']);
  t.strictSame(tests.reaching([]), []);
});

t.test('a commit that git does not know is no reason to run nothing', async (t) => {
  t.throws(() => changedSince(import.meta.dirname, 'no-such-commit'), /no-such-commit/);
});
