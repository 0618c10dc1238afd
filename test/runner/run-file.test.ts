import t from 'tap';
import { runFile } from './run-file.ts';

const tap = import.meta.resolve('tap');

t.test('a file that passes, one that fails, and two that end badly', async (t) => {
  const root = t.testdir({
    'passes.ts': `import t from '${tap}'; t.pass('a'); t.pass('b');`,
    'fails.ts': `import t from '${tap}'; t.equal(1, 2, 'one and two');`,
    'leaves.ts': `import t from '${tap}'; t.test('w', () => new Promise(() => {})); process.exit(0);`,
    'exits.ts': `import t from '${tap}'; t.pass('a'); process.exitCode = 3;`,
  });
  const run = (file: string) => runFile(root, file, undefined);
  const [passes, fails, leaves, exits] = await Promise.all([
    run('passes.ts'),
    run('fails.ts'),
    run('leaves.ts'),
    run('exits.ts'),
  ]);
  t.match(passes, { file: 'passes.ts', passed: 2, failed: 0, skipped: [], said: [] });
  t.match(fails, { passed: 0, failed: 1 });
  t.match(fails.said.join('\n'), /not ok 1 - one and two/);
  t.match(leaves, { failed: 1 }, 'ended before its end');
  t.match(exits, { passed: 1, failed: 1 }, 'ended with an exit code');
});
