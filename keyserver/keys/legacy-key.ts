import type { LegacyKey } from '../../shared/crypto/legacy-row.ts';
import { ConfigError } from '../../shared/settings/config.ts';
import { loadAll } from '../../shared/settings/faults.ts';
import { readPrivateFile } from '../../shared/settings/private-file.ts';

/** The settings that name the earlier system's key and iv. */
export interface LegacyKeySettings {
  readonly AES_KEY_FILE?: string | undefined;
  readonly AES_IV_FILE?: string | undefined;
}

/** Loads the earlier system's key; undefined unless both files are set. @throws ConfigError */
export function legacyKeyOf(settings: LegacyKeySettings): LegacyKey | undefined {
  const { AES_KEY_FILE, AES_IV_FILE } = settings;
  if (AES_KEY_FILE === undefined || AES_IV_FILE === undefined) return undefined;
  return loadLegacyKey(AES_KEY_FILE, AES_IV_FILE);
}

/** Loads the earlier system's key and iv. @throws ConfigError */
export function loadLegacyKey(keyFile: string, ivFile: string): LegacyKey {
  const [key, iv] = loadAll([
    () => readExactly(32, keyFile, 'AES_KEY_FILE'),
    () => readExactly(16, ivFile, 'AES_IV_FILE'),
  ]);
  return { key, iv };
}

function readExactly(bytes: number, file: string, setting: string): Buffer {
  const content = readPrivateFile(file);
  if (content.length === bytes) return content;
  throw new ConfigError([`${file} has ${content.length} bytes: ${setting} has ${bytes}`]);
}
