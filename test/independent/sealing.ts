/** docs/protocol.md §2: PAE and AES-256-GCM. */
import { type Bytes, check, concat, le64, Refused, utf8 } from './bytes.ts';

const ivBytes = 12;
const tagBytes = 16;

/** Texts are encoded as UTF-8. */
export function pae(...pieces: readonly (string | Uint8Array)[]): Bytes {
  const encoded = pieces.map((piece) => (typeof piece === 'string' ? utf8(piece) : piece));
  return concat([le64(encoded.length), ...encoded.flatMap((piece) => [le64(piece.length), piece])]);
}

function importKey(key: Bytes, usage: 'encrypt' | 'decrypt') {
  check(key.length === 32, 'a key has 32 bytes');
  return crypto.subtle.importKey('raw', key, 'AES-GCM', false, [usage]);
}

function algorithm(iv: Bytes, aad: Bytes) {
  return { name: 'AES-GCM', iv, additionalData: aad, tagLength: tagBytes * 8 };
}

/** The iv is a parameter for the vectors' sake only. */
export async function seal(
  key: Bytes,
  aad: Bytes,
  plaintext: Bytes,
  iv: Bytes = crypto.getRandomValues(new Uint8Array(ivBytes)),
): Promise<Bytes> {
  check(iv.length === ivBytes, 'an iv has 12 bytes');
  const imported = await importKey(key, 'encrypt');
  const encrypted = await crypto.subtle.encrypt(algorithm(iv, aad), imported, plaintext);
  return concat([iv, new Uint8Array(encrypted)]);
}

/** @throws Refused */
export async function open(key: Bytes, aad: Bytes, sealed: Bytes): Promise<Bytes> {
  check(sealed.length >= ivBytes + tagBytes, 'too short');
  const imported = await importKey(key, 'decrypt');
  const iv = sealed.slice(0, ivBytes);
  try {
    return new Uint8Array(
      await crypto.subtle.decrypt(algorithm(iv, aad), imported, sealed.slice(ivBytes)),
    );
  } catch {
    throw new Refused('does not open');
  }
}
