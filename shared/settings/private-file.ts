import { readFileSync, statSync } from 'node:fs';
import { ConfigError } from './config.ts';

/** Reads a secret file. @throws ConfigError where it cannot be read, or others than owner and group can read it. */
export function readPrivateFile(file: string): Buffer {
  const { mode } = readOrFault(file, () => statSync(file));
  if ((mode & 0o007) !== 0) {
    throw new ConfigError([`${file} can be read by others: run chmod o-rwx on it`]);
  }
  return readOrFault(file, () => readFileSync(file));
}

/** Reads what a setting names. @throws ConfigError naming the file, where `read` fails */
export function readOrFault<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigError([`cannot read ${file} (${(error as NodeJS.ErrnoException).code})`]);
  }
}
