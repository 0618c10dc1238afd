import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { attackClasses } from '../../attack/scene/attack.ts';
import { readAttackOptions } from '../../attack/scene/options.ts';
import { quoted, readPage, tableBelow } from './page-tables.ts';
import { root } from './sources.ts';

const promises = tableBelow(readPage('docs/threat-model.md'), '## Promises');

t.test('every promise names tests that are there', async (t) => {
  t.ok(promises.length > 20);
  for (const [promise = '', , tests = ''] of promises) {
    const files = quoted(tests);
    t.ok(files.length > 0, promise);
    for (const file of files) t.ok(existsSync(join(root, 'test', `${file}.test.ts`)), file);
  }
});

t.test('every class of attacks is tried on a promise, and no other', async (t) => {
  const named = new Set(promises.flatMap(([, attacks = '']) => quoted(attacks)));
  t.same([...named].toSorted(), attackClasses.toSorted());
});

t.test('the page names the classes of attacks, and flags that are taken', async (t) => {
  const page = readPage('docs/threat-model.md');
  for (const name of attackClasses) t.match(page, `| \`${name}\` |`);
  const lines = [
    ...page.replaceAll(/\\\n */g, '').matchAll(/^\$ npm run (?:--silent )?attack(.*)$/gm),
  ];
  t.equal(lines.length, 4);
  const folder = t.testdir({
    'app.key': 'key',
    'token.txt': 'token',
    'tls.crt': 'c',
    'tls.key': 'k',
  });
  for (const [, flags = ''] of lines) {
    const args = flags.split(/\s+/).filter((word) => word !== '' && word !== '--');
    const given = args.map((word) => (/\.(?:key|txt|crt)$/.test(word) ? join(folder, word) : word));
    t.ok(readAttackOptions(given));
    for (const upstream of ['http://attacker.example:8443', 'https://localhost:8443']) {
      const unfit = given.map((word) => (word.includes('attacker.example') ? upstream : word));
      if (unfit.join() !== given.join()) t.throws(() => readAttackOptions(unfit), /dot/);
    }
  }
});
