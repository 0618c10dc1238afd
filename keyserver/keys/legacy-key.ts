import type { LegacyKey } from '../../shared/crypto/legacy-row.ts';
import { ConfigError } from '../../shared/settings/config.ts';
import { loadAll, ofSetting } from '../../shared/settings/faults.ts';
import { readPrivateFile } from '../../shared/settings/private-file.ts';

/** Loads the earlier system's key and iv; undefined unless both files are set. @throws ConfigError */
export function legacyKeyOf({
  AES_KEY_FILE,
  AES_IV_FILE,
}: {
  readonly AES_KEY_FILE?: string | undefined;
  readonly AES_IV_FILE?: string | undefined;
}): LegacyKey | undefined {
  if (AES_KEY_FILE === undefined || AES_IV_FILE === undefined) return undefined;
  const [key, iv] = loadAll([
    () => readExactly(32, AES_KEY_FILE, 'AES_KEY_FILE'),
    () => readExactly(16, AES_IV_FILE, 'AES_IV_FILE'),
  ]);
  return { key, iv };
}

function readExactly(bytes: number, file: string, setting: string): Buffer {
  return ofSetting(setting, () => {
    const content = readPrivateFile(file);
    if (content.length === bytes) return content;
    throw new ConfigError([`${file} has ${content.length} bytes: it must have ${bytes}`]);
  });
}
