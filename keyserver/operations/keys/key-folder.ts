import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../../shared/settings/config.ts';
import { ofSetting } from '../../../shared/settings/faults.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import { loadRsaKeys } from '../../keys/rsa-keys.ts';
import { inputInvalid } from '../operation-error.ts';

export type KeyKind = 'at-rest' | 'rsa';

/** A folder of keys as KeyServer reads it. */
export interface KeyFolder {
  readonly kind: KeyKind;
  readonly path: string;
  readonly extension: '.key' | '.pem';
  readonly primary: string;
  /** Names of the keys with the ids by which KeyServers report them: kids, or ids of RSA keys. */
  readonly keys: ReadonlyMap<string, string>;
}

/** Reads a folder. @throws ConfigError */
export async function readKeyFolder(kind: KeyKind, path: string): Promise<KeyFolder> {
  if (kind === 'at-rest') {
    const { primaryKid, kids } = ofSetting('KEYRING_DIR', () => loadKeyring(path));
    return {
      kind,
      path,
      extension: '.key',
      primary: primaryKid,
      keys: new Map(kids.map((kid) => [kid, kid])),
    };
  }
  const { names, primaryName } = await loadRsaKeys(path);
  return { kind, path, extension: '.pem', primary: primaryName, keys: names };
}

/** The id of a key of the folder. @throws OperationError input_invalid */
export function keyIdOf({ keys, path }: KeyFolder, name: string): string {
  const id = keys.get(name);
  if (id !== undefined) return id;
  throw inputInvalid(
    `${path} has no key ${JSON.stringify(name)}; it has ${[...keys.keys()].join(', ')}`,
    { do: 'make_key' },
  );
}

/** A name for a new key, after those of the folder: its day, with the time if the day has one. */
export function newKeyName({ path, keys, extension }: KeyFolder, now: Date): string {
  const iso = now.toISOString();
  const day = iso.slice(0, 10);
  const isTaken = [...keys.keys()].some((name) => name.startsWith(day));
  return isTaken || existsSync(join(path, retired, day + extension))
    ? `${day}-${iso.slice(11, 19).replaceAll(':', '')}`
    : day;
}

/**
 * Writes a file of the folder, owned as `primary` is, at once and on disk. False if the folder cannot be written, as
 * one that is mounted read-only. @throws ConfigError for any other fault
 */
export function writeToFolder(
  { path }: KeyFolder,
  name: string,
  content: string | Buffer,
): boolean {
  return ifWritable(path, () => {
    const temporary = join(path, `.${name}.new`);
    rmSync(temporary, { force: true });
    writeFileSync(temporary, content, { mode: 0o600, flag: 'wx', flush: true });
    giveAway(temporary, join(path, 'primary'));
    renameSync(temporary, join(path, name));
    syncFolder(path);
  });
}

/** Where retired keys are kept, within the folder; KeyServer does not read it. */
const retired = 'retired';

/** True if the key was moved there before. */
export function isRetired({ path, extension, keys }: KeyFolder, name: string): boolean {
  return !keys.has(name) && existsSync(join(path, retired, name + extension));
}

/** Moves a key to the retired ones; false if the folder cannot be written. @throws ConfigError for any other fault */
export function moveToRetired({ path, extension }: KeyFolder, name: string): boolean {
  const archive = join(path, retired);
  return ifWritable(path, () => {
    mkdirSync(archive, { recursive: true, mode: 0o700 });
    giveAway(archive, join(path, 'primary'));
    renameSync(join(path, name + extension), join(archive, name + extension));
    syncFolder(archive);
    syncFolder(path);
  });
}

function ifWritable(path: string, write: () => void): boolean {
  try {
    write();
    return true;
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (['EROFS', 'EACCES', 'EPERM'].includes(code)) return false;
    throw new ConfigError([`cannot write to ${path} (${code})`]);
  }
}

/** Root writes what KeyServer's user must read. */
function giveAway(path: string, like: string): void {
  const { uid, gid } = statSync(like);
  const own = statSync(path);
  if (own.uid !== uid || own.gid !== gid) chownSync(path, uid, gid);
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
