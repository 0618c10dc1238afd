import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { install } from '../keyserver/admin/installation.ts';
import { rsaPem, writeKeyFolder } from '../support/key-folders.ts';
import { pageBlocks, wholeOutputPattern } from './page-blocks.ts';
import { root } from './sources.ts';

/** Tables of an installation on which nothing is stored yet; docs/admin.md's are printed by its own test. */
const pages = ['README.md', 'docs/deployment.md', 'docs/operations.md'];

t.test('the tables of doctor on the pages have the rows that it prints', async (t) => {
  const admin = await install(t);
  const rsa = writeKeyFolder(join(admin.folder, 'rsa'), { 'first.pem': rsaPem() });
  const { stdout } = await admin.run(['doctor'], { environment: { RSA_KEY_DIR: rsa } });
  const tables = pages.flatMap((page) =>
    pageBlocks(readFileSync(join(root, page), 'utf8')).filter(({ text }) =>
      /^CHECK +STATUS/.test(text),
    ),
  );
  t.ok(tables.length > 0, 'a page has such a table');
  for (const { place, text } of tables) t.match(stdout, wholeOutputPattern(text), place);
});
