import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { presetsPage } from '../../docs/presets-page.ts';
import { allPresets } from '../../keyserver/presets/files.ts';
import { Installation } from '../keyserver/admin/installation.ts';
import { root } from './sources.ts';

const presets = allPresets();
const page = presetsPage(presets);

t.test('docs/presets.md is what the files say', async (t) => {
  const committed = readFileSync(join(root, 'docs/presets.md'), 'utf8');
  t.ok(committed === page, 'out of date: run npm run docs');
});

t.test('every preset has a section whose command defines a type', async (t) => {
  const admin = new Installation(t);
  await admin.run(['migrate']);
  for (const { id } of presets) {
    const [, section = ''] = page.split(`\n## ${id}\n`);
    const [, command] =
      /^- \*\*Type\*\*: `keyserver-admin (.*)`$/m.exec(section.split('\n## ')[0] ?? '') ?? [];
    if (command === undefined) {
      t.match(section, /^\n.*\n\n(?:.*\n)*?- \*\*Type\*\*: refused by this version, since /, id);
      t.equal((await admin.run(['type', 'put', id, '--preset', id])).code, 2, id);
      continue;
    }
    const words = command.replace('TYPE', id).match(/'[^']*'|\S+/g) ?? [];
    const argv = words.map((word) => word.replaceAll("'", ''));
    const { code, stderr } = await admin.run(
      argv.map((word) =>
        word
          .replace(/SHOP|HOST/, 'shop.example')
          .replace('shop.example.myshopify', 'shop-1.myshopify'),
      ),
    );
    t.equal(code, 0, `${command}: ${stderr}`);
    t.notMatch(section.split('`--auth ')[1], 'cannot be served', `${id}, by its default`);
  }
});
