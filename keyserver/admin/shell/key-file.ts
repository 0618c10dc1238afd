import { closeSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncFolder } from '../../operations/keys/folder-files.ts';
import { OutputError, systemCode } from './output-error.ts';
import { writeFully } from './streams/write-fully.ts';

/**
 * Writes a key into a new file with mode 0600, on disk when it returns; a failure leaves no file.
 * @throws OutputError, also if the file exists
 */
export function writeKeyFile(path: string, key: string, option = '--out'): void {
  let file: number | undefined;
  try {
    file = openSync(path, 'wx', 0o600);
    writeFully(file, `${key}\n`);
    syncFolder(dirname(path));
  } catch (error) {
    if (file !== undefined) rmSync(path, { force: true });
    throw keyFileError(error, option);
  } finally {
    if (file !== undefined) closeSync(file);
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
