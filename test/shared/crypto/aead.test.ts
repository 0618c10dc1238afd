import fc from 'fast-check';
import t from 'tap';
import { importKey, ivBytes, open, seal, tagBytes } from '../../../shared/crypto/aead.ts';
import { flipBit, rawKey, someBytes } from './arbitraries.ts';
import { isRefused } from './refusal.ts';

t.test('what was sealed opens to the same bytes', async () => {
  fc.assert(
    fc.property(rawKey, someBytes, someBytes, (raw, plaintext, aad) => {
      const key = importKey(raw);
      const sealed = seal(key, plaintext, aad);
      return (
        sealed.length === ivBytes + plaintext.length + tagBytes &&
        open(key, sealed, aad).equals(plaintext)
      );
    }),
  );
});

t.test('a text is sealed as its UTF-8', async (t) => {
  const key = importKey(new Uint8Array(32));
  const aad = new Uint8Array();
  t.equal(open(key, seal(key, 'пример 𝄞', aad), aad).toString('utf8'), 'пример 𝄞');
});

t.test('refuses any flipped bit, in what is sealed, the aad and the key', async () => {
  fc.assert(
    fc.property(
      rawKey,
      someBytes,
      fc.uint8Array({ minLength: 1 }),
      fc.nat(),
      (raw, text, aad, n) => {
        const key = importKey(raw);
        const sealed = seal(key, text, aad);
        return (
          isRefused(() => open(key, flipBit(sealed, n), aad)) &&
          isRefused(() => open(key, sealed, flipBit(aad, n))) &&
          isRefused(() => open(importKey(flipBit(raw, n)), sealed, aad))
        );
      },
    ),
  );
});

t.test('refuses every cut, at the front and at the end, and anything added', async () => {
  const key = importKey(new Uint8Array(32).fill(1));
  fc.assert(
    fc.property(someBytes, fc.nat(), fc.uint8Array({ minLength: 1 }), (text, n, more) => {
      const sealed = seal(key, text, text);
      const kept = n % sealed.length;
      return (
        isRefused(() => open(key, sealed.subarray(0, kept), text)) &&
        isRefused(() => open(key, sealed.subarray(sealed.length - kept), text)) &&
        isRefused(() => open(key, Buffer.concat([sealed, more]), text)) &&
        isRefused(() => open(key, Buffer.concat([more, sealed]), text))
      );
    }),
  );
});

t.test('refuses every length that cannot hold an iv and a whole tag', async (t) => {
  const key = importKey(new Uint8Array(32));
  t.same([ivBytes, tagBytes, ivBytes + tagBytes], [12, 16, 28]);
  for (let length = 0; length < ivBytes + tagBytes; length++) {
    t.ok(
      isRefused(() => open(key, new Uint8Array(length), new Uint8Array())),
      `${length} bytes`,
    );
  }
});

t.test('the same text is sealed differently every time', async (t) => {
  const key = importKey(new Uint8Array(32));
  const ivs = Array.from({ length: 200 }, () =>
    seal(key, 'x', new Uint8Array()).subarray(0, ivBytes).toString('hex'),
  );
  t.equal(new Set(ivs).size, ivs.length);
});

t.test('a key has 32 bytes', async (t) => {
  for (const length of [0, 16, 24, 31, 33, 64]) {
    t.throws(() => importKey(new Uint8Array(length)), RangeError);
  }
});
