import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { readSources, root } from './sources.ts';

const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
/** Trees with one row, which names their folders. */
const wholeTrees = ['attack', 'bench', 'test'];
const rows = [...text.matchAll(/^\| (`[\w/-]+`(?:, `[\w/-]+`)*) \| (.+) \|$/gm)].flatMap(
  ([, folders = '', holds = '']) =>
    folders.split(', ').map((folder) => ({ folder: folder.replaceAll('`', ''), holds })),
);

t.test('every path of docs/architecture.md is there', async (t) => {
  const tops = 'shared|keyserver|secureproxy|local|openapi|docs|deploy|attack|bench|test';
  const named = [...text.matchAll(new RegExp(`\`((?:${tops})(?:/[\\w.-]+)*)\``, 'g'))];
  t.ok(named.length > 60, `only ${named.length} paths were found`);
  for (const [, path = ''] of named) t.ok(existsSync(join(root, path)), path);
});

t.test('every file named beside its folder is there', async (t) => {
  const files = rows.flatMap(({ folder, holds }) =>
    [...holds.matchAll(/`([\w-]+\.(?:ts|md))`/g)].map(([, file = '']) => join(folder, file)),
  );
  t.ok(files.length > 10, `only ${files.length} files were found`);
  for (const file of files) t.ok(existsSync(join(root, file)), file);
});

t.test('every folder with sources has its row', async (t) => {
  const sources = readSources('shared', 'keyserver', 'secureproxy', 'local', 'openapi', 'docs');
  const folders = new Set(sources.map(({ path }) => dirname(path)));
  t.same(
    [...folders].filter((path) => !rows.some(({ folder }) => folder === path)),
    [],
  );
});

t.test('every folder of attack, bench and test is in the row of its tree', async (t) => {
  for (const tree of wholeTrees) {
    const holds = rows.find(({ folder }) => folder === tree)?.holds ?? '';
    const folders = readSources(tree).map(({ path }) => path.split('/').slice(1, -1)[0]);
    for (const folder of new Set(folders)) {
      const isMirror = tree === 'test' && existsSync(join(root, folder ?? ''));
      if (folder !== undefined && !isMirror) t.match(holds, `\`${folder}\``, `${tree}/${folder}`);
    }
  }
});
