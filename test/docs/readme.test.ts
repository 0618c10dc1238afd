import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { allCommands, describeCommand } from '../../keyserver/admin/description/tree.ts';
import { wholeProgram } from '../../keyserver/admin/program.ts';
import { root } from './sources.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const readmes = ['README.md', 'README.ru.md'];
const pages = globSync('docs/**/*.md', { cwd: root });

t.test('both READMEs show the same commands and the same sections', async (t) => {
  const [english = '', russian = ''] = readmes.map(read);
  const commands = (text: string) =>
    [...text.matchAll(/```(?:sh|mermaid)\n([^`]+)```/g)].map((match) =>
      (match[1] ?? '').replace(/^# .*\n/gm, ''),
    );
  t.same(commands(russian), commands(english));
  const shape = (text: string) =>
    text.split('\n').flatMap((line) => {
      const mark = /^(?:#+ |- \*\*|\| `[^|]+` \||```\w*)/.exec(line)?.[0] ?? '';
      return mark === '' ? [] : [mark];
    });
  t.same(shape(russian), shape(english));
});

t.test('every npm script that a page names is there', async (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const page of [...readmes, 'CONTRIBUTING.md', ...globSync('docs/*.md', { cwd: root })]) {
    for (const [, name = ''] of read(page).matchAll(/npm run (?:--silent )?([a-z:]+)/g)) {
      t.ok(scripts[name], `${page}: npm run ${name}`);
      const [, file = ''] = / ?node (\S+)$/.exec(scripts[name] ?? '') ?? [];
      t.ok(existsSync(join(root, file)), `${name} runs ${file}`);
    }
  }
});

/** A command with its options, but for one behind a comment's sign. */
const named = /(?<!# )keyserver-admin [a-z][^`|\n]+(?:\\\n[^`|\n]+)*/g;

t.test('every command and option of keyserver-admin that a page names is there', async (t) => {
  const program = describeCommand(await wholeProgram());
  for (const page of [...readmes, 'SECURITY.md', 'CHANGELOG.md', ...pages]) {
    for (const [line] of read(page).matchAll(named)) {
      const [, group = '', ...rest] = line.split(/\s+/);
      const command = program.commands.find(({ path }) => path[0] === group);
      t.ok(command, `${page}: ${group}`);
      if (command === undefined) continue;
      const options = [program, ...allCommands(command)].flatMap((one) => one.options);
      const names = options.flatMap((option) => option.names);
      for (const option of rest.filter((word) => word.startsWith('--'))) {
        t.ok(names.includes(option), `${page}: ${group} ${option}`);
      }
    }
  }
});
