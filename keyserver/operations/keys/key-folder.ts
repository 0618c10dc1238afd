import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ofSetting } from '../../../shared/settings/faults.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import { loadRsaKeys } from '../../keys/rsa-keys.ts';
import { inputInvalid } from '../operation-error.ts';
import { addFile, ifWritable, moveFile, replacePrimary, sweep } from './folder-files.ts';

export type KeyKind = 'at-rest' | 'rsa';

export type KeyFolder = Awaited<ReturnType<typeof readKeyFolder>>;

/** Reads a folder as KeyServer does: its keys by name, with the ids by which KeyServers report them. @throws ConfigError */
export async function readKeyFolder(kind: KeyKind, path: string) {
  if (kind === 'at-rest') {
    const keyring = ofSetting('KEYRING_DIR', () => loadKeyring(path));
    const keys = new Map(keyring.kids.map((kid) => [kid, keyring.idOf(kid) ?? '']));
    return { kind, path, extension: '.key', primary: keyring.primaryKid, keys };
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

/** The subfolder of retired keys, which KeyServer does not read. */
const retired = 'retired';

/**
 * Adds a key, named by the second, since two machines that make one on a day must not give it one name.
 * Without a file if the folder cannot be written. @throws ConfigError for any other fault
 */
export function addKey(
  { path, keys, extension, primary }: KeyFolder,
  content: Buffer,
  now: Date,
): { name: string; isWritten: boolean } {
  for (let ms = now.getTime(); ; ms += 1000) {
    const name = new Date(ms).toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '');
    if (keys.has(name) || existsSync(join(path, retired, name + extension))) continue;
    let isAdded = false;
    const isWritten = ifWritable(path, () => {
      sweep(path, now.getTime());
      isAdded = addFile(path, name + extension, content, primary + extension);
    });
    if (isAdded || !isWritten) return { name, isWritten };
  }
}

/** Names another primary key; false if the folder cannot be written. @throws ConfigError for any other fault */
export function setPrimary({ path }: KeyFolder, name: string): boolean {
  return ifWritable(path, () => replacePrimary(path, name));
}

/** True if the key was moved there before. */
export function isRetired({ path, extension, keys }: KeyFolder, name: string): boolean {
  return !keys.has(name) && existsSync(join(path, retired, name + extension));
}

/** Moves a key to the retired ones; false if the folder cannot be written. @throws ConfigError for any other fault */
export function moveToRetired({ path, extension }: KeyFolder, name: string): boolean {
  return ifWritable(path, () => moveFile(path, name + extension, retired));
}
