import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { OpenError } from './open-error.ts';
import { pooledRandom } from './random-pool.ts';

const algorithm = 'aes-256-gcm';
export const keyBytes = 32;
export const ivBytes = 12;
export const tagBytes = 16;

/** Imports 32 raw bytes as an AES-256 key. Import each key once: using a KeyObject is 5× cheaper than using bytes. */
export function importKey(raw: Uint8Array): KeyObject {
  if (raw.length !== keyBytes) throw new RangeError(`an AES-256 key has ${keyBytes} bytes`);
  return createSecretKey(raw);
}

/**
 * Seals with AES-256-GCM (NIST SP 800-38D): `iv(12, random) ‖ ciphertext ‖ tag(16)`.
 * docs/protocol.md §2.
 */
export function seal(key: KeyObject, plaintext: Uint8Array | string, aad: Uint8Array): Buffer {
  return sealWithIv(key, plaintext, aad, pooledRandom(ivBytes));
}

/** {@link seal} with a given iv, for the committed vectors. An iv must never be used twice with one key. */
export function sealWithIv(
  key: KeyObject,
  plaintext: Uint8Array | string,
  aad: Uint8Array,
  iv: Uint8Array,
): Buffer {
  const cipher = createCipheriv(algorithm, key, iv, { authTagLength: tagBytes });
  cipher.setAAD(aad);
  // Node ignores the encoding if the plaintext is bytes.
  const ciphertext = cipher.update(plaintext as string, 'utf8');
  // GCM has no padding, so this returns no bytes.
  cipher.final();
  return Buffer.concat([iv, ciphertext, cipher.getAuthTag()]);
}

/**
 * Opens the output of {@link seal}. No plaintext is returned unless the tag is valid.
 * @throws OpenError for every fault alike: length, key, aad or a flipped bit
 */
export function open(key: KeyObject, sealed: Uint8Array, aad: Uint8Array): Buffer {
  if (sealed.length < ivBytes + tagBytes) throw new OpenError();
  const tagAt = sealed.length - tagBytes;
  // Without authTagLength Node would accept tags truncated to 4 bytes.
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, ivBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(tagAt));
  const plaintext = decipher.update(sealed.subarray(ivBytes, tagAt));
  try {
    decipher.final();
    return plaintext;
  } catch {
    plaintext.fill(0);
    throw new OpenError();
  }
}
