import t from 'tap';
import { runFiles } from './run-files.ts';

const tap = import.meta.resolve('tap');

t.test('a file that passes, one that fails, and two that end badly', async (t) => {
  const root = t.testdir({
    'passes.ts': `import t from '${tap}'; t.pass('a'); t.pass('b');`,
    'fails.ts': `import t from '${tap}'; t.equal(1, 2, 'one and two');`,
    'leaves.ts': `import t from '${tap}'; t.test('w', () => new Promise(() => {})); process.exit(0);`,
    'exits.ts': `import t from '${tap}'; t.pass('a'); process.exitCode = 3;`,
  });
  const run = async (file: string) => (await runFiles(root, [file], undefined))[0];
  const [passes, fails, leaves, exits] = await Promise.all([
    run('passes.ts'),
    run('fails.ts'),
    run('leaves.ts'),
    run('exits.ts'),
  ]);
  t.match(passes, { file: 'passes.ts', passed: 2, failed: 0, skipped: [], said: [] });
  t.match(fails, { passed: 0, failed: 1 });
  t.match(fails?.said.join('\n'), /not ok 1 - one and two/);
  t.match(leaves, { failed: 1 }, 'ended before its end');
  t.match(exits, { passed: 1, failed: 1 }, 'ended with an exit code');
});

t.test('several files in one process, each with its own results', async (t) => {
  const root = t.testdir({
    'a.test.ts': "import t from 'tap'; t.test('in', async (t) => { t.pass('1'); t.pass('2'); });",
    'b.test.ts': "import t from 'tap'; t.equal(1, 2, 'one and two'); t.teardown(() => {});",
    'c.test.ts': "import t from 'tap'; t.test('no', { skip: 'no reason' }, () => {}); t.pass('3');",
    'd.test.ts': "throw new Error('cannot be loaded');",
    'e.test.ts': "import t from 'tap'; t.pass('4'); setTimeout(() => process.exit(3));",
    'exits.test.ts': "import t from 'tap'; t.test('w', () => new Promise(() => process.exit(0)));",
  });
  const run = (...files: string[]) => runFiles(root, files, undefined);
  const [a, b, c] = await run('a.test.ts', 'b.test.ts', 'c.test.ts');
  t.match(a, { file: 'a.test.ts', passed: 2, failed: 0, skipped: [], said: [] });
  t.match(b, { file: 'b.test.ts', passed: 0, failed: 1 });
  t.match(b?.said.join('\n'), /not ok 1 - one and two/);
  t.match(c, { file: 'c.test.ts', passed: 1, failed: 0, skipped: ['no (no reason)'] });
  const failures = async (...files: string[]) =>
    (await run(...files)).map(({ file, failed }) => `${file}: ${failed > 0}`);
  t.strictSame(await failures('d.test.ts', 'a.test.ts'), ['d.test.ts: true', 'a.test.ts: false']);
  t.strictSame(
    await failures('a.test.ts', 'exits.test.ts', 'c.test.ts'),
    ['a.test.ts: false', 'exits.test.ts: true', 'c.test.ts: true'],
    'its process ended',
  );
  t.strictSame(
    await failures('a.test.ts', 'e.test.ts'),
    ['a.test.ts: false', 'e.test.ts: true'],
    'ended with an exit code',
  );
});
