import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { manPage } from '../../keyserver/admin/description/man-page.ts';
import { allCommands, describeCommand } from '../../keyserver/admin/description/tree.ts';
import { wholeProgram } from '../../keyserver/admin/program.ts';
import { version } from '../../shared/settings/version.ts';

const root = resolve(import.meta.dirname, '../..');
const file = join(root, 'docs/keyserver-admin.1');
const program = describeCommand(await wholeProgram());

t.test('the man page is that of the commands: npm run docs makes it', async (t) => {
  t.equal(readFileSync(file, 'utf8'), manPage(program, version));
});

const groff = ['-man', '-Tutf8', '-ww', '-P-c', '-P-b', '-P-u', file];
const isThere = spawnSync('groff', ['--version']).status === 0;
t.test('it reads as a page of the manual', { skip: !isThere && 'no groff' }, async (t) => {
  const { status, stdout, stderr } = spawnSync('groff', groff, { encoding: 'utf8' });
  t.same({ status, stderr }, { status: 0, stderr: '' });
  const text = stdout.replace(/\s+/g, ' ');
  for (const { path, options, commands } of allCommands(program)) {
    if (commands.length > 0) continue;
    t.match(text, ` ${path.join(' ')} keyserver-admin ${path.join(' ')}`);
    for (const { flags } of options) t.match(text, ` ${flags} `, flags);
  }
  for (const heading of ['EXIT CODES', 'EXAMPLES']) t.match(text, ` ${heading} `);
});

t.test('every command has a description and an example', async (t) => {
  for (const { path, summary, description, closing } of allCommands(program)) {
    const name = path.join(' ');
    t.ok(summary !== '' && description !== '', name);
    t.match(closing, /^Examples?:\n/m, name);
  }
});
