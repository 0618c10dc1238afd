import { createHash } from 'node:crypto';
import type { Test } from 'tap';
import { secretForms } from '../../../secureproxy/scrub/search/secret-forms.ts';
import { SecretSearch } from '../../../secureproxy/scrub/search/secret-search.ts';
import { SecretFilter } from '../../../secureproxy/scrub/secret-filter.ts';
import { spell, split } from './spellings.ts';

/** Letters and digits in a row, so that the place of the longest row is known. */
function row(length: number, seed: string): string {
  let text = '';
  for (let i = 0; text.length < length; i++) {
    const digest = createHash('sha256').update(`${seed}${i}`).digest('base64');
    text += digest.replace(/[+/=]/g, '');
  }
  return text.slice(0, length);
}

/** Rows of letters and digits, with a sign between them. */
const rows = (lengths: readonly number[], sign: string) =>
  lengths.map((length, i) => row(length, `${sign}${i}`)).join(sign);

const times = (count: number, length: number) => new Array<number>(count).fill(length);

/** Each is found by its longest row, which is in its middle or at its end. */
const secrets: Readonly<Record<string, string>> = {
  'JWT of 300 bytes': `${row(36, 'h')}.${rows([60, 90], '-')}.${rows([40, 30, 38], '_')}`,
  'JWT of 800 bytes': `${row(36, 'h')}.${row(640, 'p')}.${rows([60, 60], '_')}`,
  'JWT of 2000 bytes': `${row(36, 'h')}.${rows(times(40, 40), '_')}.${row(320, 's')}`,
  'base64 with signs': `${rows([...times(8, 25), 60, ...times(8, 25)], '+')}/${row(30, 'e')}==`,
  'token of 2 KB': rows([...times(60, 33), 48], '-'),
};

const encodings: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  URL: encodeURIComponent,
  'all URL-escaped': (text) => spell(text, ['url']),
  'all JSON-escaped': (text) => spell(text, ['json']),
  'HTML of a URL': (text) => text.replace(/./gs, (char) => `&#37;${hex(char)}`),
  'JSON in JSON': (text) => spell(text, ['json in json']),
  base64: (text) => Buffer.from(`u:${text}`).toString('base64'),
  hexadecimal: (text) => Buffer.from(text).toString('hex'),
};
const hex = (char: string) => char.charCodeAt(0).toString(16).padStart(2, '0');

/** Whether a half of a secret passes in a text of which the first piece ends at `cut` and the others have `size` bytes. */
function passes(search: SecretSearch, text: Buffer, wanted: string, cut: number, size: number) {
  const filter = new SecretFilter(search);
  const pieces = [text.subarray(0, cut), ...split(text.subarray(cut), [size])];
  const out = [...pieces.map((piece) => filter.write(piece)), filter.end()];
  const half = wanted.length >> 1;
  const answer = Buffer.concat(out).toString();
  return [wanted.slice(0, half), wanted.slice(half)].some((part) => answer.includes(part));
}

function textAround(search: SecretSearch, encoded: string): Buffer {
  // All that is held has to be released before the end.
  return Buffer.from(`{"token":"${encoded}","rest":"${'y '.repeat(search.maxBytes / 2 + 200)}"}`);
}

/**
 * Asserts that no long secret passes an answer in pieces. `pieces` maps the bytes of a piece to places of the first
 * cut, as parts of it.
 */
export function longSecrets(t: Test, pieces: ReadonlyMap<number, readonly number[]>): void {
  for (const [kind, secret] of Object.entries(secrets)) {
    t.test(`a long secret passes in no pieces: ${kind}`, (t) => {
      const search = new SecretSearch(secretForms(secret));
      for (const [name, encode] of Object.entries(encodings)) {
        const encoded = encode(secret);
        const text = textAround(search, encoded);
        for (const [size, parts] of pieces) {
          const cuts = parts.map((part) => Math.max(1, part * size));
          const passed = cuts.filter((cut) => passes(search, text, encoded, cut, size));
          t.strictSame(passed, [], `${name}, in pieces of ${size} bytes`);
        }
      }
      t.end();
    });
  }
}

/** Asserts it of a secret in a short text, for every place of the first cut. */
export function everyCut(t: Test): void {
  t.test('a long secret passes in no two pieces, wherever they are cut', (t) => {
    const secret = secrets['JWT of 300 bytes'] as string;
    const search = new SecretSearch(secretForms(secret));
    const text = textAround(search, secret);
    for (const size of [1, 7, 500, 1400]) {
      const passed: number[] = [];
      for (let cut = 1; cut < secret.length + 400; cut += size < 500 ? 20 : 1) {
        if (passes(search, text, secret, cut, size)) passed.push(cut);
      }
      t.strictSame(passed, [], `in pieces of ${size} bytes`);
    }
    t.end();
  });
}
