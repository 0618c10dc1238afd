import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { quoted, readPage, tableBelow } from './page-tables.ts';
import { root } from './sources.ts';

const list = readPage('docs/promises.md');
const held = tableBelow(list, '# Promises with a number');
const unheld = tableBelow(list, '## Numbers that no test holds');

const pages = [
  'README.md',
  'SECURITY.md',
  ...['architecture', 'protocol', 'deployment', 'operations', 'metrics', 'logs', 'admin'].map(
    (name) => `docs/${name}.md`,
  ),
  'docs/threat-model.md',
  ...globSync('docs/errors/*.md', { cwd: root }).sort(),
];

const digits = String.raw`\d[\d,.]*(?:[ \u00a0\u202f]\d{3})*`;
const word = 'two|three|four|five|six|seven|eight|nine|ten|twelve|half an?|half|twice';
const unit =
  '(?:ms|s|seconds?|minutes?|hours?|days?|weeks?|bytes?|bits?|KiB|MiB|GiB|characters?|times|values|targets|questions|calls)';
const counted = String.raw`(?<![\w.,-])(?:${digits}|${word})[ -](?:an? )?${unit}(?!\w)`;
const single = String.raw`(?<![\w.,-])(?:an?|every|once an?) (?:second|minute|hour|week)(?!\w)`;
const number = new RegExp(`${counted}|${single}`, 'gi');

const plain = (text: string) => text.replaceAll(/[\s\u00a0\u202f]+/g, ' ').toLowerCase();

/** The numbers with a unit in a page's prose; code is left out. */
function numbersOn(page: string): string[] {
  const prose = readPage(page)
    .replaceAll(/```.*?```/gs, '')
    .replaceAll(/`[^`\n]*`/g, '');
  return [...new Set([...plain(prose).matchAll(number)].map(([text]) => text))];
}

const shortName = (page: string) => page.replace(/^docs\//, '').replace(/\.md$/, '');
const listOf = (cell = '') => cell.split(', ');

t.test('every number that a page promises is in the list', async (t) => {
  const listed = new Set(
    [
      ...held.map(([numbers, , where]) => [numbers, where]),
      ...unheld.map(([numbers, where]) => [numbers, where]),
    ].flatMap(([numbers, where]) =>
      listOf(where).flatMap((page) => listOf(numbers).map((one) => `${page}: ${plain(one)}`)),
    ),
  );
  let found = 0;
  const promised = new Set<string>();
  for (const page of pages) {
    for (const one of numbersOn(page)) {
      found += 1;
      promised.add(`${shortName(page)}: ${one}`);
      t.ok(listed.has(`${shortName(page)}: ${one}`), `${page} says "${one}"`);
    }
  }
  t.ok(found > 80, `${found} numbers`);
  const numbers = new Set([...promised].map((one) => one.slice(one.indexOf(': ') + 2)));
  const gone = [...listed]
    .map((one) => one.slice(one.indexOf(': ') + 2))
    .filter((one) => !numbers.has(one));
  t.same(gone, [], 'and none is listed that no page has');
});

t.test('every listed promise has tests, which are there with its value', async (t) => {
  t.ok(held.length > 45);
  for (const [numbers = '', promise = '', , tests = ''] of held) {
    const names = quoted(tests);
    t.ok(names.length >= 2 && names.length % 2 === 0, `${promise}: ${numbers}`);
    for (let at = 0; at < names.length; at += 2) {
      const [name = '', value = ''] = names.slice(at, at + 2);
      const path = `test/${name}.test.ts`;
      if (!t.ok(existsSync(join(root, path)), path)) continue;
      t.ok(readPage(path).includes(value), `${path} has ${value}`);
    }
  }
});
