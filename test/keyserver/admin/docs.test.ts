import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import t from 'tap';
import { install } from './installation.ts';

const text = readFileSync(resolve(import.meta.dirname, '../../../docs/admin.md'), 'utf8');

const commands = {
  token: ['put', 'list', 'show', 'delete'],
  type: ['put', 'list', 'show', 'delete'],
  app: ['create', 'list', 'rotate', 'revoke'],
  proxy: ['create', 'list', 'rotate', 'revoke'],
  grant: ['add', 'list', 'remove'],
};

/** The examples of the page as lines of a shell, continued lines joined. */
const lines = text
  .replaceAll('\\\n', '')
  .split('\n')
  .filter((line) => line.startsWith('$ '))
  .map((line) => line.slice(2).replace(/ #.*$/, ''));

t.test('docs/admin.md shows every command', async (t) => {
  for (const [noun, verbs] of Object.entries(commands)) {
    for (const verb of verbs) t.match(text, `$ keyserver-admin ${noun} ${verb}`);
  }
  t.match(text, '$ keyserver-admin migrate\n');
  t.match(text, '$ keyserver-admin doctor\n');
});

t.test('docs/admin.md names only commands and options that there are', async (t) => {
  const admin = await install(t);
  t.ok(lines.length > 30);
  for (const line of lines) {
    const argv = words(/keyserver-admin (.*)/.exec(line)?.[1] ?? '--help');
    const { stderr } = await admin.run(argv, {
      stdin: line.includes('ozon') ? '{"clientId":"x","apiKey":"y"}' : 'words',
    });
    t.notMatch(stderr, /unknown|missing|too many|incomplete|input|refuse/, line);
  }
});

/** The words of a simple command: quotes are stripped, redirections left out. */
function words(command: string): string[] {
  return [...command.replace(/ [<>] ?\S+/g, '').matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? '',
  );
}
