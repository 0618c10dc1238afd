import {
  constants,
  createHash,
  createPublicKey,
  type KeyObject,
  publicEncrypt,
  webcrypto,
} from 'node:crypto';
import { availableParallelism } from 'node:os';
import { keyBytes } from './aead.ts';
import { OpenError } from './open-error.ts';

/**
 * RSA-OAEP (RFC 8017 §7.1) with SHA-256 for both the label hash and MGF1, and the empty label.
 * The hash is always given: Node's default is SHA-1.
 */
const hash = 'sha256';
export const minModulusBits = 2048;
const maxModulusBits = 8192;

/** Imports the PEM (SPKI) of an RSA public key of 2048 to 8192 bits. @throws OpenError for anything else */
export function importPublicKey(pem: string): KeyObject {
  // Node would also accept a certificate, a PKCS#1 key or a private key.
  if (!pem.startsWith('-----BEGIN PUBLIC KEY-----')) throw new OpenError();
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new OpenError();
  }
  if (!isUsableRsaKey(key)) throw new OpenError();
  return key;
}

/** True for RSA keys of 2048 to 8192 bits. */
export function isUsableRsaKey(key: KeyObject): boolean {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return key.asymmetricKeyType === 'rsa' && bits >= minModulusBits && bits <= maxModulusBits;
}

/** The id of a public key, base64url(SHA-256(SPKI DER)): it depends on the key alone, so the key can be pinned. */
export function publicKeyId(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' });
  return createHash(hash).update(der).digest('base64url');
}

export function wrapKey(publicKey: KeyObject, sessionKey: Uint8Array): Buffer {
  return publicEncrypt(
    { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash },
    sessionKey,
  );
}

/** Unwraps a session key. Resolves to its 32 bytes; rejects with OpenError for every fault alike. */
export type KeyUnwrapper = (wrapped: Uint8Array) => Promise<Uint8Array>;

/** One core is left to the event loop, even in a storm of new sessions. */
export const coresForUnwraps = Math.max(1, availableParallelism() - 1);

/**
 * Makes an unwrapper that works off the event loop. A CryptoKey is used by one thread at a time, so
 * the key is imported `imports` times and the copies are used in turn (docs/protocol.md §3).
 */
export async function createUnwrapper(
  privateKey: KeyObject,
  imports = coresForUnwraps,
): Promise<KeyUnwrapper> {
  const wrappedBytes = Math.ceil((privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const algorithm = { name: 'RSA-OAEP', hash: 'SHA-256' };
  const keys = await Promise.all(
    Array.from({ length: imports }, () =>
      webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['decrypt']),
    ),
  );
  pkcs8.fill(0);
  let turn = 0;
  return async (wrapped) => {
    // RFC 8017 §7.1.2 step 1b. OpenSSL would accept a ciphertext without its leading zero.
    if (wrapped.length !== wrappedBytes) throw new OpenError();
    turn = (turn + 1) % keys.length;
    const key = keys[turn] as webcrypto.CryptoKey;
    let raw: Uint8Array;
    try {
      raw = new Uint8Array(
        await webcrypto.subtle.decrypt({ name: 'RSA-OAEP' }, key, new Uint8Array(wrapped)),
      );
    } catch {
      throw new OpenError();
    }
    if (raw.length !== keyBytes) throw new OpenError();
    return raw;
  };
}
