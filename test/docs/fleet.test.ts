import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { install } from '../keyserver/admin/installation.ts';
import { pageBlocks } from './page-blocks.ts';
import { root } from './sources.ts';

const page = readFileSync(join(root, 'docs/fleet.md'), 'utf8');
const blocks = pageBlocks(page);
const stdin = blocks.find(({ language }) => language === 'yaml')?.text ?? '';

t.test('the file of the page is taken, and comes back from an export', async (t) => {
  const admin = await install(t);
  const { changes, warnings } = await admin.json(['apply', '--file', '-'], { stdin });
  t.equal(changes.length, 4 + 2 + 3 + 2);
  t.same(warnings, []);
  const { code, stdout } = await admin.run(['plan', '--file', '-'], { stdin });
  t.same({ code, stdout }, { code: 0, stdout: 'no changes\n' });
  const exported = await admin.json(['export']);
  for (const member of Object.values(exported.types).flatMap((type) =>
    Object.keys(type as object),
  )) {
    t.match(page, new RegExp(`\\b${member}\\b`), member);
  }
});

t.test('the fault of the page is told so', async (t) => {
  const admin = await install(t);
  const misspelt = `types:
  wildberries:
    destinations: [https://marketplace-api.example.com]
    injection: { scheme: headers, headers: { Authorization: "{token}" } }
    cacheSecond: 5
`;
  const { message } = await admin.failure(['plan', '-f', '-'], { stdin: misspelt });
  const shown = blocks.find(({ language }) => language === 'text')?.text ?? '';
  t.equal(shown.replace('fleet.yaml', 'stdin'), `error: ${message}\n`);
});
