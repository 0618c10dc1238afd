import fc from 'fast-check';

/** Raw AES-256 keys. */
export const rawKey = fc.uint8Array({ minLength: 32, maxLength: 32 });
/** Bytes of any content. */
export const someBytes = fc.uint8Array({ maxLength: 200 });
/** Well-formed Unicode text, the empty one too. */
export const text = fc.string({ unit: 'grapheme', maxLength: 60 });
/** Names of clients and types. */
export const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
/** Names of keys in a keyring. */
export const kid = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
/** Unix seconds. */
export const seconds = fc.integer({ min: 0, max: 2 ** 40 });

/** A copy of `bytes` with one bit flipped, chosen by any natural number. */
export function flipBit(bytes: Uint8Array, choice: number): Buffer {
  const copy = Buffer.from(bytes);
  const bit = choice % (copy.length * 8);
  const at = bit >> 3;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
