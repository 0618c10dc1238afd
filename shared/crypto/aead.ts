import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { OpenError } from './open-error.ts';
import { pooledRandom } from './random-pool.ts';

const algorithm = 'aes-256-gcm';
export const keyBytes = 32;
export const ivBytes = 12;
export const tagBytes = 16;

/** Makes an AES-256 key of 32 raw bytes. Call it once per key: a KeyObject is 5× cheaper per use than bytes. */
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

/** {@link seal} under a given iv, for committed vectors. An iv must never serve twice under one key. */
export function sealWithIv(
  key: KeyObject,
  plaintext: Uint8Array | string,
  aad: Uint8Array,
  iv: Uint8Array,
): Buffer {
  const cipher = createCipheriv(algorithm, key, iv, { authTagLength: tagBytes });
  cipher.setAAD(aad);
  // The encoding is of texts alone: Node ignores it for bytes.
  const ciphertext = cipher.update(plaintext as string, 'utf8');
  // In this mode nothing is left over for it to return.
  cipher.final();
  return Buffer.concat([iv, ciphertext, cipher.getAuthTag()]);
}

/**
 * Opens what {@link seal} made. Nothing of the plaintext is returned before the tag was verified.
 * @throws OpenError whatever is wrong: length, key, aad, a flipped bit.
 */
export function open(key: KeyObject, sealed: Uint8Array, aad: Uint8Array): Buffer {
  if (sealed.length < ivBytes + tagBytes) throw new OpenError();
  const tagAt = sealed.length - tagBytes;
  // Without authTagLength Node would accept tags cut down to 4 bytes.
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
