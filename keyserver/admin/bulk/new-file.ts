import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TextBuffer } from '../../operations/bulk/text-buffer.ts';
import { syncFolder } from '../../operations/keys/folder-files.ts';
import { OutputError, outputError } from '../shell/output-error.ts';

/**
 * Writes a new file with mode 0600. It has its name only once it is complete and on disk; until then it is
 * `NAME.….part` beside it, which stays if the process is killed. @throws OutputError, also if the file exists
 */
export async function writeNewFile<T>(
  path: string,
  fill: (write: (text: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  if (existsSync(path)) {
    throw new OutputError(
      `the file ${path} exists already`,
      'nothing was written; name a new file',
    );
  }
  const part = `${path}.${randomUUID().slice(0, 8)}.part`;
  const file = await attempt(path, () => open(part, 'wx', 0o600));
  try {
    const buffer = new TextBuffer((text) => attempt(path, () => file.appendFile(text)));
    const result = await fill((text) => buffer.write(text));
    await buffer.flush();
    await attempt(path, async () => {
      await file.sync();
      await rename(part, path);
      syncFolder(dirname(path));
    });
    return result;
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const hint = 'name a file in a folder that can be written and has room';
    throw outputError(error, `cannot write the file ${path}`, hint);
  }
}
