import { readFileSync } from 'node:fs';
import { ConfigError } from './config.ts';
import { kindFault, secretFileFault, writableFault } from './file-mode.ts';

/** Reads a secret file. @throws ConfigError if it cannot be read, or users outside its group can read it */
export function readPrivateFile(file: string): Buffer {
  checkMode(kindFault, file);
  checkMode(secretFileFault, file);
  return readOrFault(file, () => readFileSync(file));
}

/** Reads a file that is no secret. @throws ConfigError if it cannot be read, or users outside its group can change it */
export function readTrustedFile(file: string): string {
  checkMode(writableFault, file);
  return readOrFault(file, () => readFileSync(file, 'utf8'));
}

/** @throws ConfigError for the fault that `judge` finds in a file or folder, or if it cannot be looked at */
export function checkMode(judge: (path: string) => string | undefined, path: string): void {
  const fault = readOrFault(path, () => judge(path));
  if (fault !== undefined) throw new ConfigError([fault]);
}

/** Reads a file or folder. @throws ConfigError naming it if `read` fails */
export function readOrFault<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigError([`cannot read ${file} (${(error as NodeJS.ErrnoException).code})`]);
  }
}
