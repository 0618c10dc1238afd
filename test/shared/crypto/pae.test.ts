import fc from 'fast-check';
import t from 'tap';
import { pae } from '../../../shared/crypto/pae.ts';
import { text } from './arbitraries.ts';

// Few letters, so that lists which differ only in their boundaries do come up.
const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\0'), maxLength: 4 }), {
  maxLength: 4,
});

t.test('two lists of pieces have one encoding only if they are the same list', async () => {
  fc.assert(
    fc.property(pieces, pieces, (left, right) => {
      const same = JSON.stringify(left) === JSON.stringify(right);
      return pae(...left).equals(pae(...right)) === same;
    }),
    { numRuns: 2000 },
  );
});

t.test('the pieces can be read back from the encoding', async (t) => {
  fc.assert(
    fc.property(fc.array(text), (list) => {
      t.strictSame(decode(pae(...list)), list);
    }),
  );
});

t.test('text and its UTF-8 bytes encode alike', async () => {
  fc.assert(fc.property(text, (piece) => pae(piece).equals(pae(Buffer.from(piece, 'utf8')))));
});

function decode(encoded: Buffer): string[] {
  const list: string[] = [];
  let at = 8;
  for (let left = encoded.readBigUInt64LE(0); left > 0n; left--) {
    const end = at + 8 + Number(encoded.readBigUInt64LE(at));
    list.push(encoded.toString('utf8', at + 8, end));
    at = end;
  }
  return at === encoded.length ? list : [];
}
