import { readFileSync } from 'node:fs';
import { ConfigError } from './config.ts';
import { secretFileFault, writableFault } from './file-mode.ts';

/** Reads a secret file. @throws ConfigError if it cannot be read, or users outside its group can read it */
export function readPrivateFile(file: string): Buffer {
  checkMode(secretFileFault, file);
  return readOrFault(file, () => readFileSync(file));
}

/** Reads a file that is no secret. @throws ConfigError if it cannot be read, or users outside its group can change it */
export function readTrustedFile(file: string, setting?: string): string {
  checkMode(writableFault, file, setting);
  return readOrFault(file, () => readFileSync(file, 'utf8'), setting);
}

/** @throws ConfigError for the fault that `judge` finds in a file or folder, or if it cannot be looked at */
export function checkMode(
  judge: (path: string) => string | undefined,
  path: string,
  setting?: string,
): void {
  const fault = readOrFault(path, () => judge(path), setting);
  if (fault !== undefined) {
    throw new ConfigError([setting === undefined ? fault : `${setting}: ${fault}`]);
  }
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
