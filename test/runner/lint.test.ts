import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { lintChanged } from './lint.ts';

/** A folder with sources, and what its linter is given each time; all of it where there are no paths. */
function setUp(t: Test, { isRepository = true } = {}) {
  const root = t.testdir({
    '.gitignore': 'node_modules/',
    'biome.json': '{}',
    'a.ts': 'a',
    'b.ts': 'b',
    node_modules: { '@biomejs': { biome: { 'package.json': '{}' } } },
  });
  const write = (name: string, text: string) => writeFileSync(join(root, name), text);
  if (isRepository) execFileSync('git', ['init', '-q'], { cwd: root });
  else write('.git', 'gitdir: nowhere');
  const lint = (code = 0) => {
    const given: string[] = [];
    const found = lintChanged(root, (paths) => {
      given.push(...(paths.length === 0 ? ['everything'] : paths));
      return code;
    });
    t.equal(found, given.length === 0 ? 0 : code);
    return given.sort();
  };
  return { root, write, lint };
}

const rules = 'node_modules/@biomejs/biome/package.json';
const all = ['.gitignore', 'a.ts', 'b.ts', 'biome.json', rules];

t.test('what was found good is linted once it differs', async (t) => {
  const { root, write, lint } = setUp(t);
  t.strictSame(lint(), all);
  t.strictSame(lint(), []);
  write('a.ts', 'longer');
  write('new.ts', 'new');
  rmSync(join(root, 'b.ts'));
  t.strictSame(lint(), ['a.ts', 'new.ts']);
  t.strictSame(lint(), []);
});

t.test('what was found bad is linted until it is good', async (t) => {
  const { write, lint } = setUp(t);
  t.strictSame(lint(1), all);
  t.strictSame(lint(), all);
  write('a.ts', 'bad');
  t.strictSame(lint(1), ['a.ts']);
  write('b.ts', 'changed');
  t.strictSame(lint(), ['a.ts', 'b.ts']);
});

t.test('other rules, and another linter, are asked of all', async (t) => {
  const { write, lint } = setUp(t);
  for (const name of ['biome.json', rules]) {
    lint();
    write(name, '{ "other": true }');
    t.equal(lint().length, all.length, name);
  }
});

t.test('all is linted if git does not list the files', async (t) => {
  const { lint } = setUp(t, { isRepository: false });
  t.strictSame(lint(), ['everything']);
});
