import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { encryptRaw, wrapPkcs1, wrapWithSeed } from './oaep.ts';
import { faultsOf, fixedBytes, flip, hex, type Vector, type VectorFile } from './vector.ts';

/** A key pair of keys/rsa-test-only.json. */
export interface TestKey {
  readonly keyId: string;
  readonly publicKeyPem: string;
  readonly privateJwk: Readonly<Record<string, string>>;
}

const file = new URL('../keys/rsa-test-only.json', import.meta.url);

/** The committed RSA key pairs, `primary` and `other`. */
export function testKeys(): { readonly primary: TestKey; readonly other: TestKey } {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** The session key that key-wrap.json wraps and exchange.json seals under. */
export const sessionKey = fixedBytes('session key', 32);

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

function wrapVector(name: string, publicKey: KeyObject, keyId: string, seed: Buffer): Vector {
  const wrapped = wrapWithSeed(publicKey, sessionKey, { seed });
  return {
    name,
    key: 'primary',
    keyId,
    sessionKeyHex: hex(sessionKey),
    oaepSeedHex: hex(seed),
    wrapped: base64(wrapped),
  };
}

/** The vector that the exchange vectors build on. */
export function primaryWrap(): Vector {
  const { primary } = testKeys();
  return wrapVector(
    'plain',
    createPublicKey(primary.publicKeyPem),
    primary.keyId,
    fixedBytes('oaep seed', 32),
  );
}

/** A wrapped key whose first byte happens to be zero, as one in 256 is. */
function leadingZeroWrap(publicKey: KeyObject, keyId: string): Vector {
  for (let i = 0; ; i++) {
    const vector = wrapVector('leading_zero', publicKey, keyId, fixedBytes(`zero seed ${i}`, 32));
    if (Buffer.from(vector.wrapped as string, 'base64')[0] === 0) return vector;
  }
}

export function keyWrapFile(): VectorFile {
  const { primary, other } = testKeys();
  const publicKey = createPublicKey(primary.publicKeyPem);
  const plain = primaryWrap();
  const zero = leadingZeroWrap(publicKey, primary.keyId);
  const seed = fixedBytes('oaep seed', 64);
  const wrapped = Buffer.from(plain.wrapped as string, 'base64');
  const zeroWrapped = Buffer.from(zero.wrapped as string, 'base64');
  const modulus = Buffer.from(primary.privateJwk.n ?? '', 'base64url');
  const sum = BigInt(`0x${hex(zeroWrapped)}`) + BigInt(`0x${hex(modulus)}`);
  const fault = faultsOf(plain, ['key']);
  const zeroFault = faultsOf(zero, ['key']);
  const encoded = (name: string, options: Partial<Parameters<typeof wrapWithSeed>[2]>) =>
    fault(name, { wrapped: base64(wrapWithSeed(publicKey, sessionKey, { seed, ...options })) });
  const content = (name: string, message: Uint8Array) =>
    fault(name, { wrapped: base64(wrapWithSeed(publicKey, message, { seed })) });
  return {
    format: 'key-wrap',
    about:
      'RSA-OAEP-256; key names a pair of keys/rsa-test-only.json. Every failure is the same session_invalid.',
    success: [plain, zero],
    failure: [
      encoded('oaep_sha1', { labelHash: 'sha1', mgfHash: 'sha1' }),
      encoded('oaep_sha512', { labelHash: 'sha512', mgfHash: 'sha512' }),
      encoded('oaep_mgf1_sha1', { mgfHash: 'sha1' }),
      encoded('oaep_label_hash_sha1', { labelHash: 'sha1' }),
      encoded('oaep_label', { label: 'skx1' }),
      encoded('oaep_first_byte_set', { firstByte: 1 }),
      encoded('oaep_separator_missing', { separator: 0 }),
      fault('padding_pkcs1', {
        wrapped: base64(wrapPkcs1(publicKey, sessionKey, fixedBytes('filling', 512))),
      }),
      fault('padding_missing', { wrapped: base64(encryptRaw(publicKey, sessionKey)) }),
      content('session_key_short', sessionKey.subarray(1)),
      content('session_key_long', Buffer.concat([sessionKey, Buffer.alloc(1)])),
      content('session_key_empty', Buffer.alloc(0)),
      content('session_key_as_hex_text', Buffer.from(hex(sessionKey))),
      fault('key_swapped', {
        wrapped: base64(wrapWithSeed(createPublicKey(other.publicKeyPem), sessionKey, { seed })),
      }),
      fault('wrapped_flipped', { wrapped: base64(flip(wrapped, -1)) }),
      fault('wrapped_truncated', { wrapped: base64(wrapped.subarray(0, -1)) }),
      fault('wrapped_empty', { wrapped: '' }),
      fault('trailing_bytes', { wrapped: base64(Buffer.concat([wrapped, Buffer.alloc(1)])) }),
      fault('leading_zero_added', { wrapped: base64(Buffer.concat([Buffer.alloc(1), wrapped])) }),
      zeroFault('leading_zero_cut', { wrapped: base64(zeroWrapped.subarray(1)) }),
      zeroFault('modulus_added', {
        wrapped: base64(Buffer.from(sum.toString(16).padStart(modulus.length * 2, '0'), 'hex')),
      }),
      fault('base64_not_canonical', { wrapped: `${plain.wrapped}\n` }),
      fault('base64_url_alphabet', { wrapped: wrapped.toString('base64url') }),
    ],
  };
}
