import fc from 'fast-check';

/** Lone halves of surrogate pairs, too, which JSON can carry and UTF-8 cannot. */
const codeUnit = fc.integer({ min: 0, max: 0xff_ff }).map((unit) => String.fromCharCode(unit));

/** Texts of every kind: readable, of any code points, not well-formed, and names that trip programs. */
export function anyText(lengths: { minLength?: number; maxLength?: number }): fc.Arbitrary<string> {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = lengths;
  const tripping = [
    ...['__proto__', 'constructor', 'toString', 'null', 'undefined', '*', '..', '%00', '\u0000'],
    ...['a\r\nX-Injected: 1', '\u202etxt', '{token}', '$(id)', "' OR 1=1 --", '\ud800'],
  ].filter(({ length }) => length >= minLength && length <= maxLength);
  return fc
    .oneof(
      { weight: 4, arbitrary: fc.string({ ...lengths, unit: 'grapheme-ascii' }) },
      { weight: 3, arbitrary: fc.string({ ...lengths, unit: 'grapheme' }) },
      { weight: 2, arbitrary: fc.string({ ...lengths, unit: 'binary' }) },
      { weight: 1, arbitrary: fc.string({ ...lengths, unit: codeUnit }) },
      { weight: 1, arbitrary: fc.constantFrom(...tripping) },
    )
    .filter(({ length }) => length >= minLength && length <= maxLength);
}
