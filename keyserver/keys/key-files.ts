import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isKid } from '../../shared/crypto/kid.ts';
import { ConfigError } from '../../shared/settings/config.ts';
import { readOrFault, readPrivateFile } from '../../shared/settings/private-file.ts';

export interface KeyFiles {
  /** Name of the primary key, as the file `primary` has it. */
  readonly primary: string;
  readonly keys: ReadonlyMap<string, Buffer>;
}

/**
 * Reads a folder of keys: `<name><extension>` files, and `primary`, which names one of them.
 * @throws ConfigError where something is missing, misnamed, or readable by others.
 */
export function readKeyFiles(folder: string, extension: '.key' | '.pem'): KeyFiles {
  const names = readOrFault(folder, () => readdirSync(folder))
    .filter((name) => name.endsWith(extension))
    .map((name) => name.slice(0, -extension.length));
  const misnamed = names.find((name) => !isKid(name));
  if (misnamed !== undefined) {
    throw new ConfigError([
      `${join(folder, misnamed + extension)}: key names are [A-Za-z0-9_-]{1,64}`,
    ]);
  }
  const primaryFile = join(folder, 'primary');
  const primary = readOrFault(primaryFile, () => readFileSync(primaryFile, 'utf8')).trim();
  if (!names.includes(primary)) {
    throw new ConfigError([
      `${primaryFile} names ${JSON.stringify(primary)}, but there is no ${primary}${extension} beside it`,
    ]);
  }
  return {
    primary,
    keys: new Map(names.map((name) => [name, readPrivateFile(join(folder, name + extension))])),
  };
}
