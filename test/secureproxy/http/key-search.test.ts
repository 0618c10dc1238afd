import fc from 'fast-check';
import t from 'tap';
import { longRun } from '../../../secureproxy/automaton/automaton-run.ts';
import { containsKey } from '../../../secureproxy/http/key-search.ts';
import { makeCallerKey } from '../../../shared/crypto/caller-key.ts';

const key = makeCallerKey('spk_');
const letters = key.slice(4);
const bytesIn = 20_000;

/** Searches the bytes, and counts what that takes. */
function search(text: string) {
  let reads = 0;
  const judged: string[] = [];
  const counting = new Proxy(Buffer.from(text), {
    get(bytes, name) {
      if (name !== 'length') reads += 1;
      return Reflect.get(bytes, name, bytes);
    },
  });
  containsKey(counting, (one) => {
    judged.push(one);
    return false;
  });
  return { reads, judged };
}

t.test('judges each text with the form of a key once', async (t) => {
  const other = makeCallerKey('spk_');
  const inForm = (text: string) =>
    text.replace(/[^%]/g, (one) => `%${Buffer.from(one).toString('hex')}`);
  for (const [text, expected] of [
    ['', []],
    [key, [key]],
    [`${key}${other}`, [key, other]],
    [`spk_${key}`, [key]],
    [`spk_${letters.slice(4)}${other}`, [other]],
    [`${key.slice(0, -1)}-${other}x`, [other]],
    [`sspk_${letters}0`, [key]],
    [`sp\\k_${letters}`, []],
    [`\\73pk_${letters}`, []],
    [`\\n${key}`, [key]],
    [`%2525${key}`, [key]],
    [`%5${key}%`, [key]],
    [inForm(inForm(key)), []],
    [inForm(key), [key]],
    [`\\u0073pk%255f${letters}`, [key]],
    [`${key.slice(0, -1)}%`, []],
    [`${key.slice(0, -1)}\\u00`, []],
  ] as const) {
    t.strictSame(search(text).judged, expected, text);
  }
  t.equal(containsKey(Buffer.from(`a${key}b`)), true, 'a key is one by its checksum');
  t.equal(containsKey(Buffer.from(`aspk_${'0'.repeat(36)}b`)), false);
});

/** The texts with the form of a key, in another way: all is decoded at first. */
function inForm(text: string): string[] {
  const spelling = /%(?:25)*([0-9A-Fa-f]{2})?|\\+(?:u00([0-9A-Fa-f]{2}))?/g;
  const decoded = text.replace(spelling, (_, percent = '00', backslash = percent) =>
    String.fromCharCode(Number.parseInt(backslash, 16)),
  );
  return [...decoded.matchAll(/spk_(?=([0-9A-Za-z]{36}))/g)].map(([, found]) => `spk_${found}`);
}

t.test('finds what is found in the decoded text, near and far', async (t) => {
  const parts = fc.constantFrom(
    ...[
      ...'spk_%\\257a-',
      'spk_',
      'spk',
      letters,
      letters.slice(1),
      letters.slice(5),
      '%73',
      '%70',
    ],
    ...[
      '%6B',
      '%5f',
      '%2573',
      '%25256b',
      '\\u0073',
      '\\\\u005F',
      '\\u006b',
      '\\u00',
      '%4',
      '%41',
      '73',
    ],
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 60 }), fc.nat(1), (found, odd) => {
      const text = found.join('');
      t.strictSame(search(text).judged, inForm(text), text);
      const far = `${'-'.repeat(longRun + odd)}${text}`;
      t.strictSame(search(far).judged, inForm(text), text);
    }),
    { numRuns: 2000 },
  );
});

t.test('reads a byte a few times, and judges few texts, whatever the bytes are', async (t) => {
  for (const unit of [
    'a',
    's',
    'spk_',
    'spk_a',
    `spk_${'a'.repeat(35)}_`,
    `spk_${'a'.repeat(36)}`,
    'spk_spk',
    '\\',
    's\\',
    '\\u00',
    '\\u0073',
    '\\u0073\\u0070\\u006b\\u005f',
    '%73%70%6b%5f',
    'spk_%41',
    '%25',
    '%',
    '%2',
    '25',
    's%2525',
    `spk_${'%2541'.repeat(35)}`,
    `spk_%${'25'.repeat(500)}`,
    `spk_${'\\'.repeat(500)}`,
  ]) {
    const { reads, judged } = search(`%${unit.repeat(bytesIn / unit.length)}`);
    t.ok(reads < bytesIn * 9, `${unit}: ${reads}`);
    t.ok(judged.length <= bytesIn / letters.length, unit);
  }
});
