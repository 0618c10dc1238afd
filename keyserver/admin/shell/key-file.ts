import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { OutputError, systemCode } from './output-error.ts';
import { writeFully } from './streams/write-fully.ts';

/**
 * Writes a key into a new file with mode 0600, on disk when it returns; a failure leaves no file.
 * @throws OutputError, also if the file exists
 */
export function writeKeyFile(path: string, key: string, option = '--out'): void {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    throw keyFileError(error, option);
  }
  try {
    writeFully(file, `${key}\n`);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(path, { force: true });
    throw keyFileError(error, option);
  } finally {
    closeSync(file);
  }
}

/** Without it, a power failure could take the new name and leave the stored hash. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function keyFileError(error: unknown, option: string): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  return code === 'EEXIST'
    ? new OutputError(
        `the file that ${option} names exists already`,
        'nothing was changed; name a new file',
      )
    : new OutputError(
        `cannot write the file that ${option} names (${code})`,
        'nothing was changed; name a file in a folder that can be written and has room',
      );
}
