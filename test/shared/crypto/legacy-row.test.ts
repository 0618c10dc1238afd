import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { openLegacyRow } from '../../../shared/crypto/legacy-row.ts';
import { OpenError } from '../../../shared/crypto/open-error.ts';
import { rawKey, text } from './arbitraries.ts';
import { traits } from './refusal.ts';

const iv = fc.uint8Array({ minLength: 16, maxLength: 16 });

function encrypt(plaintext: string | Uint8Array, key: Uint8Array, iv: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}

t.test('opens what the earlier system encrypted, a byte order mark included', async () => {
  fc.assert(
    fc.property(
      rawKey,
      iv,
      fc.oneof(
        text,
        text.map((rest) => `\ufeff${rest}`),
      ),
      (key, iv, text) => {
        return openLegacyRow(encrypt(text, key, iv).toString('base64'), { key, iv }) === text;
      },
    ),
  );
});

t.test('wrong padding, length, encoding, text and key fail alike', async (t) => {
  const key = new Uint8Array(32).fill(1);
  const iv = new Uint8Array(16);
  const row = encrypt('example', key, iv);
  const attempts: [string, Uint8Array][] = [
    ['', key],
    ['not base64', key],
    [row.subarray(1).toString('base64'), key],
    [`${row.toString('base64')} `, key],
    [encrypt(Uint8Array.of(0xff, 0xfe), key, iv).toString('base64'), key],
    [row.toString('base64'), new Uint8Array(32).fill(2)],
    [row.toString('base64'), new Uint8Array(31)],
  ];
  for (const [text, withKey] of attempts) {
    try {
      openLegacyRow(text, { key: withKey, iv });
      t.fail('did not throw');
    } catch (error) {
      t.strictSame(traits(error), traits(new OpenError()));
    }
  }
});
