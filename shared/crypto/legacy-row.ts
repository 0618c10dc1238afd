import { createDecipheriv } from 'node:crypto';
import { decodeBase64 } from './base64.ts';
import { OpenError } from './open-error.ts';

/** The earlier system's one key (32 bytes) and its one iv (16 bytes). */
export interface LegacyKey {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

/**
 * Opens a row of the earlier system: base64 of AES-256-CBC with PKCS#7 padding. The format has no
 * authentication: anyone who can write to the database can change the plaintext. Rows of this format
 * are read, never written.
 * @throws OpenError for every fault alike, of padding and encoding too: a difference would be an oracle
 */
export function openLegacyRow(row: string, { key, iv }: LegacyKey): string {
  const ciphertext = decodeBase64(row, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-cbc', key, iv);
    const plaintext = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plaintext);
  } catch {
    throw new OpenError();
  }
}
