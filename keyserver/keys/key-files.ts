import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isKid } from '../../shared/crypto/kid.ts';
import { ConfigError } from '../../shared/settings/config.ts';
import { loadAll } from '../../shared/settings/faults.ts';
import { ownerFault, writableFault } from '../../shared/settings/file-mode.ts';
import {
  checkMode,
  readOrFault,
  readPrivateFile,
  readTrustedFile,
} from '../../shared/settings/private-file.ts';
import { isKeyFolderEmpty } from './generate.ts';

export interface KeyFiles<K> {
  readonly primary: string;
  /** Keys by name. */
  readonly keys: ReadonlyMap<string, K>;
}

/**
 * Reads a folder of keys: `<name><extension>` files, and `primary`, which names one of them. `parse` turns a
 * file's bytes into a key, or throws a ConfigError.
 * @throws ConfigError naming every file that is missing, misnamed, open to others or not a key
 */
export function readKeyFiles<K>(
  folder: string,
  extension: '.key' | '.pem',
  parse: (file: string, bytes: Buffer) => K,
): KeyFiles<K> {
  if (existsSync(folder)) checkMode(writableFault, folder);
  if (isKeyFolderEmpty(folder)) throw new ConfigError([keysMissing(folder, extension)]);
  const names = readOrFault(folder, () => readdirSync(folder))
    .filter((name) => name.endsWith(extension))
    .map((name) => name.slice(0, -extension.length));
  const [primary, keys] = loadAll([
    () => readPrimary(folder, extension, names),
    () => loadAll(names.map((name) => () => readKey(name, join(folder, name + extension), parse))),
  ]);
  return { primary, keys: new Map(keys) };
}

function readKey<K>(name: string, file: string, parse: (file: string, bytes: Buffer) => K) {
  if (!isKid(name)) throw new ConfigError([`${file}: key names are [A-Za-z0-9_-]{1,64}`]);
  checkMode(ownerFault, file);
  return [name, parse(file, readPrivateFile(file))] as const;
}

function readPrimary(folder: string, extension: string, names: readonly string[]): string {
  const file = join(folder, 'primary');
  // The making of a first key, which ends with it, may have been killed.
  if (!existsSync(file)) throw new ConfigError([primaryMissing(file, names)]);
  const primary = readTrustedFile(file).trim();
  checkMode(ownerFault, file);
  if (names.includes(primary)) return primary;
  throw new ConfigError([
    `${file} names ${JSON.stringify(primary)}, but there is no ${primary}${extension} beside it`,
  ]);
}

function keysMissing(folder: string, extension: string): string {
  const what = existsSync(folder) ? `${folder} has no keys` : `there is no folder ${folder}`;
  const command = `keyserver-admin keys new${extension === '.pem' ? ' --rsa' : ''}`;
  return `${what}: a new installation gets its first key by ${command}, or by GENERATE_KEYS=1 of KeyServer`;
}

function primaryMissing(file: string, names: readonly string[]): string {
  const sentence = `there is no ${file}, which names the key in use`;
  const [name, ...others] = names;
  if (name === undefined) return sentence;
  return others.length > 0
    ? `${sentence}, one of ${names.join(', ')}`
    : `${sentence}: if it is ${name}, run echo ${name} > ${file}`;
}
