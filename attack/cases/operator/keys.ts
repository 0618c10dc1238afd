import { chmodSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { storagePlaces } from '../../../local/state.ts';
import { rsaPem } from '../../../test/support/key-folders.ts';
import { ownOf } from '../../scene/attack.ts';
import type { Mistake, Place } from '../../scene/mistake.ts';

/** The name of a folder's primary key. */
export function kidOf(folder: string): string {
  return readFileSync(join(folder, 'primary'), 'utf8').trim();
}

const atRestKey = ({ places: { KEYRING_DIR } }: Place) =>
  join(KEYRING_DIR, `${kidOf(KEYRING_DIR)}.key`);
const rsaKey = ({ places: { RSA_KEY_DIR } }: Place) =>
  join(RSA_KEY_DIR, `${kidOf(RSA_KEY_DIR)}.pem`);

/** KeyServer with a manipulated key file. */
const keyFile = (
  which: (place: Place) => string,
  change: (file: string) => void,
  says: RegExp,
): Mistake => ({
  make: (place) => {
    change(which(place));
    return {};
  },
  says,
});

/** Key files that must not be used. */
export const keyFileMistakes: Readonly<Record<string, Mistake>> = {
  'an at-rest key that others can read': keyFile(
    atRestKey,
    (file) => chmodSync(file, 0o644),
    /\.key can be read by others: run chmod/,
  ),
  'an at-rest key that others can write': keyFile(
    atRestKey,
    (file) => chmodSync(file, 0o602),
    /\.key can be read by others: run chmod/,
  ),
  'an RSA key that others can read': keyFile(
    rsaKey,
    (file) => chmodSync(file, 0o604),
    /\.pem can be read by others: run chmod/,
  ),
  'a keyring folder that others can write': keyFile(
    ({ places: { KEYRING_DIR } }) => KEYRING_DIR,
    (folder) => chmodSync(folder, 0o777),
    /keyring can be written by others: run chmod/,
  ),
  'a keyring whose primary others can write': keyFile(
    ({ places: { KEYRING_DIR } }) => join(KEYRING_DIR, 'primary'),
    (file) => chmodSync(file, 0o666),
    /primary can be written by others: run chmod/,
  ),
  'an embedded database that others can read': keyFile(
    ({ places: { DB_FILE } }) => DB_FILE,
    (file) => {
      writeFileSync(file, '');
      chmodSync(file, 0o666);
    },
    /DB_FILE: .* can be read by others: run chmod/,
  ),
  'an embedded database in a folder that is not there': {
    make: ({ folder }) => ({ DB_FILE: join(folder, 'none', 'keyserver.db') }),
    says: /DB_FILE: there is no folder/,
  },
  'an at-rest key that is missing': keyFile(
    atRestKey,
    (file) => rmSync(file),
    /there is no .*\.key/,
  ),
  'an RSA key that is missing': keyFile(rsaKey, (file) => rmSync(file), /there is no .*\.pem/),
  'an at-rest key cut to 31 bytes': keyFile(
    atRestKey,
    (file) => truncateSync(file, 31),
    /has 31 bytes: an at-rest key has 32/,
  ),
  'an at-rest key of no byte': keyFile(
    atRestKey,
    (file) => truncateSync(file, 0),
    /has 0 bytes: an at-rest key has 32/,
  ),
  'an at-rest key in base64': keyFile(
    atRestKey,
    (file) => writeFileSync(file, readFileSync(file).toString('base64')),
    /has 44 bytes: an at-rest key has 32/,
  ),
  'an RSA key cut in half': keyFile(
    rsaKey,
    (file) => truncateSync(file, 1000),
    /is not a private key in PEM/,
  ),
  'an RSA key of 1024 bits': keyFile(
    rsaKey,
    (file) => writeFileSync(file, rsaPem(1024)),
    /is not an RSA key of 2048 bits or more/,
  ),
  'a primary that names a file elsewhere': {
    make: ({ places: { KEYRING_DIR } }) => {
      writeFileSync(join(KEYRING_DIR, 'primary'), '../../secret');
      return {};
    },
    says: /primary names "\.\.\/\.\.\/secret"/,
  },
  'a lost keyring, and GENERATE_KEYS': {
    make: ({ scene, places: { KEYRING_DIR } }) => {
      rmSync(KEYRING_DIR, { recursive: true });
      const { DB_FILE } = storagePlaces(ownOf(scene).folder);
      return { DB_FILE, GENERATE_KEYS: '1' };
    },
    says: /has no keys, but the database has rows/,
  },
  'an at-rest key that others can read, for keyserver-admin': {
    ...keyFile(atRestKey, (file) => chmodSync(file, 0o644), /can be read by others: run chmod/),
    main: 'keyserver/admin/main.ts',
    args: ['token', 'list'],
    code: 3,
  },
};
