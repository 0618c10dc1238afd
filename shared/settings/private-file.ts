import { readFileSync, statSync } from 'node:fs';
import { ConfigError } from './config.ts';

/** Reads a secret file. @throws ConfigError if it cannot be read, or users outside its group can read it */
export function readPrivateFile(file: string): Buffer {
  const { mode } = readOrFault(file, () => statSync(file));
  if ((mode & 0o007) !== 0) {
    throw new ConfigError([`${file} can be read by others: run chmod o-rwx on it`]);
  }
  return readOrFault(file, () => readFileSync(file));
}

/**
 * Reads a file or folder that a setting names.
 * @throws ConfigError naming the file if `read` fails, and the `setting` if it is given
 */
export function readOrFault<T>(file: string, read: () => T, setting?: string): T {
  try {
    return read();
  } catch (error) {
    const prefix = setting === undefined ? '' : `${setting}: `;
    throw new ConfigError([
      `${prefix}cannot read ${file} (${(error as NodeJS.ErrnoException).code})`,
    ]);
  }
}
