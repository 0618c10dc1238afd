import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { defences } from '../../attack/matrix/defences.ts';
import { attackClasses } from '../../attack/scene/attack.ts';
import { readAttackOptions } from '../../attack/scene/options.ts';
import { root } from './sources.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const promises = (read('docs/threat-model.md').split('\n## Promises\n')[1] ?? '')
  .split('\n## ')[0]
  ?.split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| promise'))
  .map((line) => line.split(' | '));

t.test('every promise names tests that are there, and lines that were taken out', async (t) => {
  t.ok(promises && promises.length > 20);
  const known = new Set(defences.map(({ name }) => name));
  const named = new Set<string>();
  for (const [promise = '', shown = '', taken = ''] of promises ?? []) {
    const sources = [...shown.matchAll(/`([^`]+)`/g)].map(([, source = '']) => source);
    t.ok(sources.length > 0, promise);
    for (const source of sources) {
      const isThere = source.includes('/')
        ? existsSync(join(root, source))
        : (attackClasses as readonly string[]).includes(source);
      t.ok(isThere, source);
    }
    for (const name of taken
      .replace(/\|$/, '')
      .split(';')
      .map((one) => one.trim())) {
      t.ok(known.has(name), name);
      named.add(name);
    }
  }
  t.same(
    [...known].filter((name) => !named.has(name)),
    [],
    'each defence serves a promise',
  );
});

t.test('the matrix has a row for each defence, and something misses each', async (t) => {
  const rows = read('docs/attack-matrix.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| defence'))
    .map((line) => line.slice(2).split(' | '));
  t.same(
    rows.map(([name]) => name),
    defences.map(({ name }) => name),
  );
  for (const [name = '', , count = ''] of rows) t.ok(Number(count) > 0, name);
});

t.test('a defence still stands where the matrix takes it out', async (t) => {
  for (const { name, file, text } of defences) {
    t.equal(read(file).split(text).length, 2, name);
  }
});

t.test('docs/attack.md names the classes, and flags that are taken', async (t) => {
  const page = read('docs/attack.md');
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
