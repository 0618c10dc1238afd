import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../../shared/settings/config.ts';

/** A key that others can read is refused; `primary` is no secret. */
const keyModes = 0o660;
const primaryModes = 0o664;
/** A run that lives needs milliseconds for a file. */
const abandonedMs = 60_000;

/** Runs `write`; false if the folder cannot be written, as one that is mounted read-only. @throws ConfigError */
export function ifWritable(folder: string, write: () => void): boolean {
  try {
    write();
    return true;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (['EROFS', 'EACCES', 'EPERM'].includes(code)) return false;
    throw new ConfigError([`cannot write to ${folder} (${code})`]);
  }
}

/**
 * Writes a new file, at once and on disk, with owner and mode of the file `like`: root writes what KeyServer's user
 * must read. False if there is a file of this name, which stays.
 */
export function addFile(
  folder: string,
  name: string,
  content: string | Buffer,
  like: string,
): boolean {
  return throughTemporary(folder, name, content, [like, keyModes], (temporary) => {
    try {
      linkSync(temporary, join(folder, name));
      return true;
    } catch (error) {
      if (isCode(error, 'EEXIST')) return false;
      throw error;
    }
  });
}

/** Replaces the file `primary` likewise, with its own owner and mode. */
export function replacePrimary(folder: string, name: string): void {
  throughTemporary(folder, 'primary', `${name}\n`, ['primary', primaryModes], (temporary) =>
    renameSync(temporary, join(folder, 'primary')),
  );
}

/** Moves a file to the folder `into` within its own. @throws ConfigError if another file is there, or `into` is a link */
export function moveFile(folder: string, name: string, into: string): void {
  const archive = join(folder, into);
  const [from, to] = [join(folder, name), join(archive, name)];
  if (!existsSync(archive)) mkdirSync(archive, { mode: 0o700 });
  // The folder's owner could lead root elsewhere by a link.
  if (!lstatSync(archive).isDirectory()) throw new ConfigError([`${archive} is not a folder`]);
  const descriptor = openSync(archive, constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    giveAway(descriptor, statSync(join(folder, 'primary')));
  } finally {
    closeSync(descriptor);
  }
  try {
    linkSync(from, to);
  } catch (error) {
    // The same file is there if the move was interrupted.
    if (!isCode(error, 'EEXIST')) throw error;
    if (lstatSync(from).ino !== lstatSync(to).ino) {
      throw new ConfigError([`${to} is another key: rename it first`]);
    }
  }
  rmSync(from);
  syncFolder(archive);
  syncFolder(folder);
}

/** Deletes what killed runs left of keys that they made. */
export function sweep(folder: string, nowMs: number): void {
  for (const name of readdirSync(folder).filter((one) => /^\..+\.new$/.test(one))) {
    const file = join(folder, name);
    const found = lstatSync(file, { throwIfNoEntry: false });
    if (found?.isFile() && nowMs - found.mtimeMs > abandonedMs) rmSync(file, { force: true });
  }
}

function throughTemporary<T>(
  folder: string,
  name: string,
  content: string | Buffer,
  [like, modes]: readonly [string, number],
  put: (temporary: string) => T,
): T {
  const temporary = join(folder, `.${name}.${randomBytes(6).toString('hex')}.new`);
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  const descriptor = openSync(temporary, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
  try {
    const model = statSync(join(folder, like));
    giveAway(descriptor, model);
    fchmodSync(descriptor, model.mode & modes);
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
    const result = put(temporary);
    syncFolder(folder);
    return result;
  } finally {
    closeSync(descriptor);
    rmSync(temporary, { force: true });
  }
}

function giveAway(descriptor: number, { uid, gid }: Stats): void {
  const own = fstatSync(descriptor);
  if (own.uid !== uid || own.gid !== gid) fchownSync(descriptor, uid, gid);
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

/** Without it, a power failure could take a new name and leave the stored hash. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
