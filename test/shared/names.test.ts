import fc from 'fast-check';
import t from 'tap';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { nameFault, newNameFault } from '../../shared/names.ts';

t.test('takes names of any language', async (t) => {
  for (const name of [
    'a',
    'shop-1',
    'Мой магазин',
    '店',
    '𝄞',
    'a b',
    "o'hara",
    'a/b',
    '%',
    ' ',
    '../x',
    'é',
  ]) {
    t.equal(nameFault(name), undefined, name);
  }
});

t.test('counts characters, not code units or bytes', async (t) => {
  for (const character of ['a', 'я', '店', '𝄞']) {
    t.equal(nameFault(character.repeat(255)), undefined);
    t.match(nameFault(character.repeat(256)), /more than 255/);
  }
});

t.test('refuses the empty name', async (t) => {
  t.equal(nameFault(''), 'is empty');
});

t.test('refuses the key of a caller, which the log would have', async (t) => {
  for (const prefix of ['spk_', 'spx_'] as const) {
    const key = makeCallerKey(prefix);
    t.equal(nameFault(key), 'has the key of an app or a proxy');
    t.ok(nameFault(`shop ${key}`));
    t.equal(nameFault(key.slice(0, -1)), undefined);
  }
});

t.test('refuses lone surrogates', async (t) => {
  for (const name of ['\ud800', 'a\udfff', '\udc00\ud800']) {
    t.equal(nameFault(name), 'is not well-formed Unicode');
  }
});

t.test('refuses control characters wherever they stand', async () => {
  const control = fc
    .oneof(
      fc.integer({ min: 0, max: 0x1f }),
      fc.integer({ min: 0x7f, max: 0x9f }),
      fc.constantFrom(0x2028, 0x2029),
      fc.integer({ min: 0x202a, max: 0x202e }),
      fc.integer({ min: 0x2066, max: 0x2069 }),
    )
    .map((code) => String.fromCodePoint(code));
  const letters = fc.string({ unit: fc.constantFrom('a', 'я', '-'), maxLength: 5 });
  fc.assert(
    fc.property(
      letters,
      control,
      letters,
      (before, character, after) =>
        nameFault(before + character + after) === 'has a control character',
    ),
    { numRuns: 300 },
  );
});

t.test('what it refuses is never quoted', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 8 }), (name) => {
      return !nameFault(name)?.includes(name);
    }),
  );
});

t.test('a new name has no character that does not show, an old one may', async (t) => {
  for (const code of [
    0xa0, 0xad, 0x34f, 0x61c, 0x115f, 0x1680, 0x180e, 0x2003, 0x200b, 0x200c, 0x200d, 0x200e,
    0x202f, 0x2060, 0x2800, 0x3000, 0x3164, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0xe0041,
  ]) {
    const name = `shop${String.fromCodePoint(code)}1`;
    t.equal(nameFault(name), undefined, code.toString(16));
    t.equal(newNameFault(name), 'has a character that does not show', code.toString(16));
  }
  for (const name of ['shop 1', 'ООО «Чай» № 1', '店舗', 'חנות', 'é', '🛒', 'शॉप']) {
    t.equal(newNameFault(name), undefined, name);
  }
  t.equal(newNameFault(''), 'is empty');
});

t.test('a new name has none of the characters that bytes of other text become', async (t) => {
  const name = Buffer.from('caf\u00e9', 'latin1').toString('utf8');
  t.equal(nameFault(name), undefined);
  t.equal(newNameFault(name), 'has a character that stands for bytes that are not UTF-8');
});

t.test(
  'a new name does not look like another by spaces at an end or by its form, an old one may',
  async (t) => {
    for (const name of [' shop', 'shop ', ' ', 'shop  ']) {
      t.equal(nameFault(name), undefined, name);
      t.equal(newNameFault(name), 'begins or ends with a space', name);
    }
    for (const name of ['e\u0301', 'Мои\u0306', '\u212b', '\u1112\u1161\u11ab']) {
      t.equal(nameFault(name), undefined, name);
      t.equal(
        newNameFault(name),
        'is not in the Unicode form NFC, and looks like the name that is',
        name,
      );
      t.equal(newNameFault(name.normalize('NFC')), undefined, name);
    }
  },
);
