import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { keyserverSettings } from '../../keyserver/config.ts';
import { readKeyserverSettings } from '../../keyserver/read-settings.ts';
import { storageFaults } from '../../keyserver/storage/settings.ts';
import { ConfigError, type Environment, parseSettings } from '../../shared/settings/config.ts';

const folders = { KEYRING_DIR: '/keys', RSA_KEY_DIR: '/rsa' };
const file = { ...folders, DB_FILE: '/db' };
const mysql = { ...folders, DB_HOST: 'db', DB_USER: 'u', DB_NAME: 'n' };

function faultsOf(environment: Environment): readonly string[] {
  try {
    parseSettings(keyserverSettings, environment, storageFaults);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

t.test('takes a file or a server', async (t) => {
  t.same(faultsOf(file), []);
  t.same(faultsOf(mysql), []);
  const { config } = parseSettings(keyserverSettings, file, storageFaults);
  t.match(config, {
    HOST: '127.0.0.1',
    PORT: 5001,
    DB_PORT: 3306,
    DB_TOKEN_TABLE: 'storage',
    DB_MIGRATE: 'on',
    GENERATE_KEYS: false,
    UNSAFE_LEGACY_ROWS: false,
    DB_ALLOW_PUBLIC_KEY_RETRIEVAL: false,
  });
});

t.test('refuses neither, both, and half a server', async (t) => {
  t.same(faultsOf(folders), [
    'DB_HOST (a MySQL-protocol server) or DB_FILE (an embedded database) must be set',
  ]);
  t.same(faultsOf({ ...mysql, DB_FILE: '/db' }), ['DB_HOST and DB_FILE are both set: keep one']);
  for (const name of ['DB_USER', 'DB_NAME']) {
    t.same(faultsOf({ ...mysql, [name]: '' }), ['DB_HOST needs DB_USER and DB_NAME']);
  }
});

t.test('the earlier system’s key and iv go together, and its switch needs them', async (t) => {
  const both = 'AES_KEY_FILE and AES_IV_FILE must be set together';
  t.same(faultsOf({ ...file, AES_KEY_FILE: '/k' }), [both]);
  t.same(faultsOf({ ...file, AES_IV_FILE: '/i' }), [both]);
  const legacy = { ...file, UNSAFE_LEGACY_ROWS: '1' };
  t.same(faultsOf(legacy), ['UNSAFE_LEGACY_ROWS needs AES_KEY_FILE and AES_IV_FILE']);
  t.same(faultsOf({ ...legacy, AES_KEY_FILE: '/k', AES_IV_FILE: '/i' }), []);
});

t.test('names faults of every kind at once', async (t) => {
  const faults = faultsOf({ PORT: 'x', DB_HOST: 'h', DB_FILE: '/f', DB_MIGRATE: 'maybe' });
  t.same([...faults].sort(), [
    'DB_HOST and DB_FILE are both set: keep one',
    'DB_HOST needs DB_USER and DB_NAME',
    'DB_MIGRATE must be equal to one of the allowed values: on, off (it is "maybe")',
    'KEYRING_DIR must be set',
    'PORT must be integer (it is "x")',
    'RSA_KEY_DIR must be set',
  ]);
});

/** The faults that end the start; empty if there is none. */
function startFaults(environment: Environment): readonly string[] {
  try {
    readKeyserverSettings(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

t.test('names faults of settings, of combinations and of files at once', async (t) => {
  const folder = t.testdir({
    keyring: { 'short.key': 'x', 'open.key': 'x', primary: 'lost' },
    rsa: { 'a.pem': 'no key', 'b.pem': 'no key', primary: 'a' },
    'iv.bin': '',
    'ca.pem': 'no certificate',
  });
  const path = (...names: string[]) => join(folder, ...names);
  for (const name of ['keyring/short.key', 'rsa/a.pem', 'rsa/b.pem', 'iv.bin']) {
    chmodSync(path(name), 0o600);
  }
  chmodSync(path('keyring/open.key'), 0o644);
  const faults = startFaults({
    PORT: 'http',
    OPS_HOST: '::1',
    TLS_CLIENT_CA_FILE: path('ca.pem'),
    TLS_KEY_FILE: path('tls.key'),
    DB_HOST: 'db',
    DB_USER: 'u',
    DB_TLS_CA: path('db-ca.pem'),
    DB_TOKEN_TABLE: 'documents',
    KEYRING_DIR: path('keyring'),
    RSA_KEY_DIR: path('rsa'),
    UNSAFE_LEGACY_ROWS: '1',
    AES_KEY_FILE: path('key.bin'),
    AES_IV_FILE: path('iv.bin'),
  });
  t.same(faults.map((fault) => fault.replaceAll(folder, '')).sort(), [
    'AES_IV_FILE: /iv.bin has 0 bytes: it must have 16',
    'AES_KEY_FILE: cannot read /key.bin (ENOENT)',
    'DB_HOST needs DB_USER and DB_NAME',
    'DB_TLS_CA: cannot read /db-ca.pem (ENOENT)',
    'DB_TOKEN_TABLE: The token table cannot be named documents: the schema has a table of that name',
    'KEYRING_DIR: /keyring/open.key can be read by others: run chmod o-rwx on it',
    'KEYRING_DIR: /keyring/primary names "lost", but there is no lost.key beside it',
    'KEYRING_DIR: /keyring/short.key has 1 bytes: an at-rest key has 32',
    'OPS_HOST needs OPS_PORT',
    'PORT must be integer (it is "http")',
    'RSA_KEY_DIR: /rsa/a.pem is not a private key in PEM',
    'RSA_KEY_DIR: /rsa/b.pem is not a private key in PEM',
    'TLS_CERT_FILE and TLS_KEY_FILE must be set together',
    'TLS_CLIENT_CA_FILE needs TLS_CERT_FILE and TLS_KEY_FILE',
    'TLS_CLIENT_CA_FILE: /ca.pem holds no certificate',
    'TLS_KEY_FILE: cannot read /tls.key (ENOENT)',
  ]);
});

t.test(
  'names the setting of a folder in the place of a file, and of a CA without a certificate',
  async (t) => {
    const folder = t.testdir({ place: {}, 'key.pem': 'no certificate' });
    const path = (...names: string[]) => join(folder, ...names);
    chmodSync(path('place'), 0o755);
    const keys = { KEYRING_DIR: path('keyring'), RSA_KEY_DIR: path('rsa'), GENERATE_KEYS: '1' };
    const files = { TLS_CERT_FILE: path('place'), TLS_KEY_FILE: path('place') };
    t.same(startFaults({ ...keys, ...files, DB_FILE: path('place') }), [
      `TLS_CERT_FILE: cannot read ${path('place')} (EISDIR)`,
      `TLS_KEY_FILE: ${path('place')} is a folder`,
      `DB_FILE: ${path('place')} is a folder`,
    ]);
    t.same(startFaults({ ...keys, ...mysql, DB_TLS_CA: path('key.pem') }), [
      `DB_TLS_CA: ${path('key.pem')} holds no certificate`,
    ]);
  },
);

t.test('lets key folders be empty only if keys are to be made', async (t) => {
  const folder = t.testdir({ file: '' });
  const settings = {
    DB_FILE: join(folder, 'db'),
    KEYRING_DIR: join(folder, 'keyring'),
    RSA_KEY_DIR: join(folder, 'rsa'),
  };
  const first = (option = '') =>
    `a new installation gets its first key by keyserver-admin keys new${option}, or by GENERATE_KEYS=1 of KeyServer`;
  t.same(startFaults(settings), [
    `KEYRING_DIR: there is no folder ${settings.KEYRING_DIR}: ${first()}`,
    `RSA_KEY_DIR: there is no folder ${settings.RSA_KEY_DIR}: ${first(' --rsa')}`,
  ]);
  t.same(startFaults({ ...settings, GENERATE_KEYS: '1' }), []);
  t.match(startFaults({ ...settings, GENERATE_KEYS: 'yes' }), [/^GENERATE_KEYS must be boolean/]);
  t.equal(startFaults({ ...settings, GENERATE_KEYS: 'yes' }).length, 1);
  const empty = join(folder, 'empty');
  mkdirSync(empty, { mode: 0o700 });
  t.same(startFaults({ ...settings, RSA_KEY_DIR: empty, KEYRING_DIR: empty }), [
    `KEYRING_DIR: ${empty} has no keys: ${first()}`,
    `RSA_KEY_DIR: ${empty} has no keys: ${first(' --rsa')}`,
  ]);
  const KEYRING_DIR = join(folder, 'file');
  t.same(startFaults({ ...settings, KEYRING_DIR, GENERATE_KEYS: '1' }), [
    `KEYRING_DIR: cannot read ${KEYRING_DIR} (ENOTDIR)`,
  ]);
});

t.test('the password is a secret: from a file too, and never shown', async (t) => {
  const secret = 'hidden-value';
  const folder = t.testdir({ password: `${secret}\n` });
  const { config } = parseSettings(keyserverSettings, {
    ...mysql,
    DB_PASSWORD_FILE: `${folder}/password`,
  });
  t.equal(config.DB_PASSWORD, secret);
  t.notMatch(faultsOf({ ...mysql, DB_PASSWORD: secret, DB_PASSWORD_FILE: '/x' }).join(), secret);
});
