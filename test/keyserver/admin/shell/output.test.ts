import t from 'tap';
import { parse, stringify } from 'yaml';
import { type ListView, Output } from '../../../../keyserver/admin/shell/output.ts';
import { type Format, json, yaml } from '../../../../keyserver/admin/shell/text/format.ts';
import { systemClock } from '../../../../shared/clock.ts';

const formats = { json, yaml: yaml((value) => stringify(value)) };

function printed(use: (out: Output) => void, format?: Format) {
  const texts: string[] = [];
  const out = new Output({
    ...{ environment: {}, folder: '.', clock: systemClock, stdinIsTerminal: false },
    stdin: (async function* () {})(),
    writeStdout: (text) => {
      texts.push(text);
    },
    writeStderr: () => undefined,
  });
  out.format = format;
  use(out);
  return texts;
}

interface Item {
  readonly name: string;
}
const view: ListView<Item> = {
  headings: ['name', 'length'],
  cells: ({ name }) => [name, String(name.length)],
  empty: 'no names',
};
const itemsOf = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `shop-${i}` }));

t.test('a list is the same in parts as in one text', async (t) => {
  for (const count of [0, 1, 999, 1000, 1001, 2500]) {
    const items = itemsOf(count);
    for (const [name, format] of Object.entries(formats)) {
      const texts = printed((out) => out.list(items, view), format);
      const whole = printed((out) => out.result(items, ''), format);
      t.equal(texts.join(''), whole.join(''), `${name} of ${count}`);
      t.ok(texts.every((text) => text.length < 100_000));
    }
    const lines = printed((out) => out.list(items, view))
      .join('')
      .split('\n');
    t.equal(lines.length, count === 0 ? 2 : count + 2, `a table of ${count}`);
  }
  t.equal(printed((out) => out.list([], view)).join(''), 'no names\n');
});

t.test('a name that could act on a terminal is escaped in whatever part it is', async (t) => {
  const items = [...itemsOf(1500), { name: 'a\u001b[31m\u202e' }, ...itemsOf(3)];
  for (const [name, format] of Object.entries(formats)) {
    const text = printed((out) => out.list(items, view), format).join('');
    t.notMatch(text, /[^\P{Cc}\n]|\u202e/u, name);
    t.strictSame(parse(text), items, name);
  }
});

t.test('a list may be longer than a call has arguments, and a text characters', async (t) => {
  const items = Array<Item>(300_000).fill({ name: 'shop' });
  let lines = 0;
  const count = (text: string) => {
    lines += text.split('\n').length - 1;
  };
  for (const text of printed((out) => out.list(items, view))) count(text);
  t.equal(lines, 300_001);
});
