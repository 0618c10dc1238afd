import type { LegacyKey } from '../../shared/crypto/legacy-row.ts';
import { ConfigError } from '../../shared/settings/config.ts';
import { readPrivateFile } from '../../shared/settings/private-file.ts';

/** Loads the earlier system's key and iv. @throws ConfigError */
export function loadLegacyKey(keyFile: string, ivFile: string): LegacyKey {
  const key = readPrivateFile(keyFile);
  const iv = readPrivateFile(ivFile);
  const faults: string[] = [];
  if (key.length !== 32) faults.push(`${keyFile} has ${key.length} bytes: AES_KEY_FILE has 32`);
  if (iv.length !== 16) faults.push(`${ivFile} has ${iv.length} bytes: AES_IV_FILE has 16`);
  if (faults.length > 0) throw new ConfigError(faults);
  return { key, iv };
}
