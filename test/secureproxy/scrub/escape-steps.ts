import fc from 'fast-check';
import type { Test } from 'tap';
import { secretForms } from '../../../secureproxy/scrub/search/secret-forms.ts';
import { SecretSearch } from '../../../secureproxy/scrub/search/secret-search.ts';
import { SecretFilter } from '../../../secureproxy/scrub/secret-filter.ts';
import { someForm, someSecret, split } from './spellings.ts';

export const token = 'made-up/token+of 30 characters';

export function pass(
  filter: SecretFilter,
  pieces: readonly Buffer[],
): { out: Buffer; released: number[] } {
  const outs = [...pieces.map((piece) => filter.write(piece)), filter.end()];
  return { out: Buffer.concat(outs), released: outs.map(({ length }) => length) };
}

/** Steps of a search a byte, and what it leaves. */
export function search(secret: string, text: Buffer, sizes: readonly number[] = []) {
  const steps = { taken: 0, max: Infinity };
  const filter = new SecretFilter(new SecretSearch(secretForms(secret)), steps);
  const { out } = pass(filter, split(text, sizes));
  return { out, stepsPerByte: steps.taken / text.length };
}

/** Asserts that escapes are read in few steps; `within` and `again` are the lengths of the texts, in bytes. */
export function escapeSteps(
  t: Test,
  { within, again }: { readonly within: number; readonly again: number },
): void {
  t.test('escapes within escapes take few steps, whether or not they may be of a secret', (t) => {
    const units = ['\\', '\\\\n', '%25', '\\u005c', '\\\\u005c', '\\x5c', '%5c%26', '%25%26'];
    units.push('&#38;#', '&#x25;', '&amp;', '&#37;25', '=3D', '=\n', '\n', '\\\\\\\\a');
    for (const [secret, most] of [
      ['kJ8sd7Fh2Kq0Zp4Lx9Vb3Nm6Wt1Yr5Ce', 20],
      [token, 60],
      ['Tr0ub4dor&3!<"\\%', 80],
      ['\\%&#=x'.repeat(4), 120],
    ] as const) {
      for (const unit of units) {
        const text = Buffer.from(unit.repeat(within / unit.length));
        const { stepsPerByte } = search(secret, text);
        t.ok(stepsPerByte < most, `${JSON.stringify(unit)}: ${stepsPerByte} steps a byte`);
      }
    }
    t.end();
  });

  t.test('rows of line feeds or backslashes take hardly a step', (t) => {
    for (const unit of ['\n', '\\']) {
      for (const secret of ['kJ8sd7Fh2Kq0Zp4L', token, '9f1b7c1e-5a3d-4e2f-8b6a-0c9d8e7f6a5b']) {
        const { stepsPerByte } = search(secret, Buffer.alloc(again, unit));
        t.ok(stepsPerByte < 1, `${JSON.stringify(unit)}: ${stepsPerByte} steps a byte`);
      }
    }
    t.end();
  });

  t.test('escapes that begin again and again are read in linear time', (t) => {
    for (const unit of [
      '&#',
      '&#x',
      '%',
      '%5c',
      '\\',
      '\\u00',
      '&',
      '&amp;',
      '\\ud800',
      '=&#37;',
      '&#x&',
    ]) {
      const text = Buffer.from(unit.repeat(again / unit.length));
      for (const secret of [token, 'Tr0ub4dor&3!<"\\%', '\\%&#=x'.repeat(4)]) {
        const { stepsPerByte } = search(secret, text);
        t.ok(stepsPerByte < 150, `${JSON.stringify(unit)}: ${stepsPerByte} steps a byte`);
      }
    }
    t.end();
  });
}

/** Asserts, for so many random texts, that the steps of a search grow with the text and no faster. */
export function stepsOfAnyText(t: Test, numRuns: number): void {
  t.test('any text takes steps in proportion to its length', (t) => {
    const seed = Date.now() % 2 ** 31;
    t.comment(`seed ${seed}`);
    const nasty = fc.constantFrom(
      ...['\\', '\\\\', '\\u00', '\\u005c', '\\x', '%', '%25', '%5c', '&', '&#', '&#x', '&amp;'],
      ...['=', '=\r\n', '\n', '\r\n ', '+', ' ', '-', 'a', 'é'],
    );
    const repeating = fc
      .tuple(fc.array(nasty, { minLength: 1, maxLength: 3 }), fc.integer({ min: 12, max: 60 }))
      .map(([units, times]) => units.join('').repeat(times));
    const scene = fc.oneof(someSecret, repeating).chain((secret) => {
      const part = fc
        .tuple(fc.nat(secret.length - 1), fc.integer({ min: 1, max: 40 }))
        .map(([from, length]) => secret.slice(from, from + length));
      const runs = secret.match(/[A-Za-z0-9]+/g) ?? [secret];
      const piece = fc.oneof(nasty, part, fc.constantFrom(...runs), someForm(secret));
      return fc.record({
        secret: fc.constant(secret),
        pieces: fc.array(fc.tuple(piece, fc.integer({ min: 1, max: 6 })), { maxLength: 30 }),
        size: fc.constantFrom(1, 90, 5000),
      });
    });
    fc.assert(
      fc.property(scene, ({ secret, pieces, size }) => {
        const text = Buffer.from(pieces.map(([piece, times]) => piece.repeat(times)).join(''));
        const search = new SecretSearch(secretForms(secret));
        const steps = { taken: 0, max: Infinity };
        pass(new SecretFilter(search, steps), split(text, [size]));
        const most = 192 * text.length + 10 * search.maxBytes;
        if (steps.taken > most) throw new Error(`${steps.taken} steps for ${text.length} bytes`);
      }),
      { seed, numRuns },
    );
    t.end();
  });
}
