import { createDecipheriv } from 'node:crypto';
import { decodeBase64 } from './base64.ts';
import { OpenError } from './open-error.ts';

/** The earlier system's one key (32 bytes) and its one iv (16 bytes). */
export interface LegacyKey {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

/** Why a row does not open: its form, the key or a damage, the text. For operators only: to callers it is an oracle. */
export type LegacyFault = 'form' | 'padding' | 'encoding';

/**
 * Opens a row of the earlier system: base64 of AES-256-CBC with PKCS#7 padding. The format has no
 * authentication: anyone who can write to the database can change the plaintext. Rows of this format
 * are read, never written.
 * @throws OpenError for every fault alike, of padding and encoding too: a difference would be an oracle
 */
export function openLegacyRow(row: string, key: LegacyKey): string {
  const opened = examineLegacyRow(row, key);
  if ('fault' in opened) throw new OpenError();
  return opened.text;
}

/** {@link openLegacyRow}, or why the row does not open. */
export function examineLegacyRow(
  row: string,
  { key, iv }: LegacyKey,
): { readonly text: string } | { readonly fault: LegacyFault } {
  let fault: LegacyFault = 'form';
  try {
    const ciphertext = decodeBase64(row, 'base64');
    if (ciphertext.length === 0 || ciphertext.length % 16 > 0) return { fault };
    fault = 'padding';
    const decipher = createDecipheriv('aes-256-cbc', key, iv);
    const plaintext = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    fault = 'encoding';
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plaintext) };
  } catch {
    return { fault };
  }
}
