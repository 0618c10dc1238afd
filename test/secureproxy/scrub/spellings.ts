import fc from 'fast-check';
import { writtenForms } from '../../support/leaks.ts';

/** Spellings of a character; `json` is applied twice for JSON within JSON. */
const spellings = ['plain', 'url', 'URL', 'json', 'JSON', 'json in json', 'short'] as const;
type Spelling = (typeof spellings)[number];

/** Spells a text, each character in the next of the spellings. */
export function spell(text: string, ways: readonly Spelling[]): string {
  return [...text].map((char, i) => spellOne(char, ways[i % ways.length] ?? 'plain')).join('');
}

function spellOne(char: string, way: Spelling): string {
  const hex = (bytes: Uint8Array) =>
    [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const units = (prefix: string) =>
    Array.from({ length: char.length }, (_, i) => char.charCodeAt(i))
      .map((unit) => `${prefix}${unit.toString(16).padStart(4, '0')}`)
      .join('');
  switch (way) {
    case 'plain':
      return char === ' ' ? '+' : char;
    case 'url':
      return hex(Buffer.from(char));
    case 'URL':
      return hex(Buffer.from(char)).toUpperCase();
    case 'json':
      return units('\\u');
    case 'JSON':
      return units('\\u').replace(/[a-f]/g, (digit) => digit.toUpperCase());
    case 'json in json':
      return units('\\\\u');
    case 'short':
      return /["\\/]/.test(char) ? `\\${char}` : JSON.stringify(char).slice(1, -1);
  }
}

export const someWays = fc.array(fc.constantFrom(...spellings), { minLength: 1, maxLength: 7 });

/** Tokens as they are, and with characters that escaping changes. */
export const someSecret = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'abcdefXYZ0189-_.'), minLength: 12, maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...'ab%\\"/+ =&:é€😀'), minLength: 12, maxLength: 30 }),
);

/** Every form that scrubbing promises to find, in some spelling. */
export function someForm(secret: string): fc.Arbitrary<string> {
  const forms = writtenForms(secret).filter(([form]) => form !== 'JSON twice');
  return fc.record({ form: fc.constantFrom(...forms), ways: someWays }).map(({ form, ways }) => {
    const [name, written] = form;
    return /base64|plain/.test(name) ? spell(written, ways) : written;
  });
}

/** Cuts bytes at places that depend on the sizes. */
export function split(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? bytes.length;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

export const someSizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 20 });
