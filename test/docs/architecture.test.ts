import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { readSources, root } from './sources.ts';

const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

t.test('every path of docs/architecture.md is there', async (t) => {
  const named = [
    ...text.matchAll(/`((?:shared|keyserver|secureproxy|local|openapi|test|docs)(?:\/[\w.-]+)*)`/g),
  ];
  t.ok(named.length > 30, `only ${named.length} paths were found`);
  for (const [, path = ''] of named) t.ok(existsSync(join(root, path)), path);
});

t.test('every file named beside its folder is there', async (t) => {
  for (const [, folder = '', rest = ''] of text.matchAll(/^\| `([\w/]+)` \| (.+) \|$/gm)) {
    for (const [, file = ''] of rest.matchAll(/`([\w-]+\.(?:ts|md))`/g)) {
      t.ok(existsSync(join(root, folder, file)), `${folder}/${file}`);
    }
  }
});

t.test('every folder with sources has its row', async (t) => {
  const folders = readSources('shared', 'keyserver', 'secureproxy', 'local', 'openapi', 'docs');
  for (const folder of new Set(folders.map(({ path }) => dirname(path)))) {
    t.match(text, `| \`${folder}\` |`, folder);
  }
});
