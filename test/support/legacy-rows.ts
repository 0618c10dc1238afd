import { createCipheriv, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { LegacyKey } from '../../shared/crypto/legacy-row.ts';
import { writeKeyFolder } from './key-folders.ts';

export const newLegacyKey = (): LegacyKey => ({ key: randomBytes(32), iv: randomBytes(16) });

/** A token as the earlier system writes it; without `padding` of whole blocks only. */
export function legacyRow(
  plaintext: string | Uint8Array,
  { key, iv }: LegacyKey,
  padding = true,
): string {
  const cipher = createCipheriv('aes-256-cbc', key, iv).setAutoPadding(padding);
  return Buffer.concat([cipher.update(plaintext), cipher.final()]).toString('base64');
}

/** Writes the earlier system's two key files; returns the settings that name them. */
export function legacyFiles(folder: string, { key, iv }: LegacyKey) {
  writeKeyFolder(folder, { 'key.bin': Buffer.from(key), 'iv.bin': Buffer.from(iv) });
  return { AES_KEY_FILE: join(folder, 'key.bin'), AES_IV_FILE: join(folder, 'iv.bin') };
}
