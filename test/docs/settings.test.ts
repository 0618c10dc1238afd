import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { settingsPage } from '../../docs/settings-page.ts';
import { keyserverSettings } from '../../keyserver/config.ts';
import { secureproxySettings } from '../../secureproxy/config.ts';
import { root } from './sources.ts';

const schemas = [keyserverSettings, secureproxySettings];

t.test('docs/settings.md is what the schemas say', async (t) => {
  const committed = readFileSync(join(root, 'docs/settings.md'), 'utf8');
  t.ok(committed === settingsPage(), 'out of date: run npm run docs');
});

t.test('every setting has a row with a meaning', async (t) => {
  for (const { properties } of schemas) {
    for (const name of Object.keys(properties)) {
      t.match(
        settingsPage(),
        new RegExp(`^\\| \`${name}\`(?: \\*)? \\| [^|]+ \\| \\S[^|]+ \\|$`, 'm'),
      );
    }
  }
});

t.test('every secret says that it may come from a file', async (t) => {
  for (const name of ['DB_PASSWORD', 'PROXY_KEY']) t.match(settingsPage(), `\`${name}_FILE\``);
});
