import type { KeyObject } from 'node:crypto';
import type { Logger } from 'pino';
import { ReloadedFiles } from '../../shared/settings/reloaded-files.ts';
import type { KeyFiles } from './key-files.ts';
import { type Keyring, loadKeyring } from './keyring.ts';
import { readRsaKeys } from './rsa-keys.ts';

/** The keyring of a folder, read again when its files change. @throws ConfigError */
export function watchKeyring(folder: string, log: Logger): ReloadedFiles<Keyring> {
  return new ReloadedFiles(
    {
      read: () => loadKeyring(folder),
      check: () => {},
      isSame: (one, other) => one.isSame(other),
      describe: ({ primaryKid, kids }) => ({ primary: primaryKid, keys: kids }),
      messages: {
        loaded: 'at-rest keys changed: loaded',
        restored: 'at-rest keys are as before again',
        unusable: 'at-rest keys cannot be used: the ones loaded before stay',
      },
    },
    log,
  );
}

/** The RSA keys of a folder, likewise. @throws ConfigError */
export function watchRsaKeys(folder: string, log: Logger): ReloadedFiles<KeyFiles<KeyObject>> {
  return new ReloadedFiles(
    {
      read: () => readRsaKeys(folder),
      check: () => {},
      isSame: areSame,
      describe: ({ primary, keys }) => ({ primary, keys: [...keys.keys()].sort() }),
      messages: {
        loaded: 'RSA keys changed: loaded',
        restored: 'RSA keys are as before again',
        unusable: 'RSA keys cannot be used: the ones loaded before stay',
      },
    },
    log,
  );
}

function areSame(one: KeyFiles<KeyObject>, other: KeyFiles<KeyObject>): boolean {
  return (
    one.primary === other.primary &&
    one.keys.size === other.keys.size &&
    [...one.keys].every(([name, key]) => other.keys.get(name)?.equals(key) === true)
  );
}
