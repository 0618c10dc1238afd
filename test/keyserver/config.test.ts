import t from 'tap';
import { keyserverSettings, storageFaults } from '../../keyserver/config.ts';
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
    'DB_HOST (a MySQL-protocol server) or DB_FILE (an embedded file) must be set',
  ]);
  t.same(faultsOf({ ...mysql, DB_FILE: '/db' }), ['DB_HOST and DB_FILE are both set: keep one']);
  for (const name of ['DB_USER', 'DB_NAME']) {
    t.same(faultsOf({ ...mysql, [name]: '' }), ['DB_HOST needs DB_USER and DB_NAME']);
  }
});

t.test('the earlier system’s key and iv go together, and its switch needs them', async (t) => {
  const both = 'AES_KEY_FILE and AES_IV_FILE go together';
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
