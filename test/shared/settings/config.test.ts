import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import t from 'tap';
import { Type } from 'typebox';
import {
  type CombinationCheck,
  ConfigError,
  type Environment,
  parseSettings,
} from '../../../shared/settings/config.ts';
import { isSecret } from '../../../shared/settings/setting-names.ts';

const schema = Type.Object({
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Type.Integer({ default: 5001, minimum: 0, maximum: 65535 }),
  LOG_LEVEL: Type.Enum(['info', 'warn'], { default: 'info' }),
  KEYRING_DIR: Type.String({ minLength: 1 }),
  GENERATE_KEYS: Type.Boolean({ default: false }),
  API_KEY: Type.String({ writeOnly: true, pattern: '^key-' }),
  DB_PASSWORD: Type.Optional(Type.String({ writeOnly: true })),
});
const good = { KEYRING_DIR: '/keys', API_KEY: 'key-1' };

function faultsOf(environment: Environment, combinations?: CombinationCheck<typeof schema>) {
  try {
    parseSettings(schema, environment, combinations);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

t.test('gives every setting its type and default', async (t) => {
  t.same(parseSettings(schema, good), {
    config: {
      HOST: '127.0.0.1',
      PORT: 5001,
      LOG_LEVEL: 'info',
      KEYRING_DIR: '/keys',
      GENERATE_KEYS: false,
      API_KEY: 'key-1',
    },
    warnings: [],
  });
  const { config } = parseSettings(schema, { ...good, PORT: '0', GENERATE_KEYS: '1' });
  t.equal(config.PORT, 0);
  t.equal(config.GENERATE_KEYS, true);
});

t.test('names every fault at once, a readable line each', async (t) => {
  const environment = {
    PORT: 'http',
    LOG_LEVEL: 'loud',
    GENERATE_KEYS: 'yes',
    DB_PASSWORD: 'x',
    DB_PASSWORD_FILE: '/nowhere',
  };
  t.same([...faultsOf(environment)].sort(), [
    'API_KEY must be set',
    'DB_PASSWORD and DB_PASSWORD_FILE are both set: keep one',
    'GENERATE_KEYS must be boolean (it is "yes")',
    'KEYRING_DIR must be set',
    'LOG_LEVEL must be equal to one of the allowed values: info, warn (it is "loud")',
    'PORT must be integer (it is "http")',
  ]);
  t.throws(() => parseSettings(schema, environment), {
    message: /^settings cannot be used:\n( {2}- [^\n]+\n?){6}$/,
  });
});

t.test('judges what settings say together along with what each says alone', async (t) => {
  const combinations: CombinationCheck<typeof schema> = ({ HOST, PORT }, faulty) => [
    `HOST ${HOST}, PORT ${PORT}, faulty ${[...faulty].sort().join()}`,
  ];
  t.same(faultsOf({ HOST: 'h', PORT: 'x', GENERATE_KEYS: '1' }, combinations).slice(-1), [
    'HOST h, PORT undefined, faulty API_KEY,KEYRING_DIR,PORT',
  ]);
  // The validator alone would read it as 16.
  t.same(faultsOf({ ...good, HOST: 'h', PORT: '0x10' }, combinations).slice(-1), [
    'HOST h, PORT undefined, faulty PORT',
  ]);
  t.same(faultsOf(good, combinations), ['HOST 127.0.0.1, PORT 5001, faulty ']);
  t.same(
    faultsOf(good, () => []),
    [],
  );
});

t.test('refuses numbers that are none', async (t) => {
  for (const PORT of ['1.5', '-1', '65536', '0x50', '1e3', ' ', 'NaN', '5001 ', '٥']) {
    t.equal(faultsOf({ ...good, PORT }).length, 1, JSON.stringify(PORT));
  }
});

t.test('counts an empty value as unset', async (t) => {
  t.equal(parseSettings(schema, { ...good, PORT: '', DB_PASSWORD: '' }).config.PORT, 5001);
  t.same(faultsOf({ ...good, KEYRING_DIR: '' }), ['KEYRING_DIR must be set']);
});

t.test('reads a secret from its file, less one line end', async (t) => {
  const folder = t.testdir({});
  const file = join(folder, 'secret');
  for (const [content, expected] of [
    ['key-1', 'key-1'],
    ['key-1\n', 'key-1'],
    ['key-1\r\n', 'key-1'],
    ['key-1\n\n', 'key-1\n'],
    [' key-1', undefined],
  ] as const) {
    writeFileSync(file, content);
    const environment = { KEYRING_DIR: '/keys', API_KEY_FILE: file };
    if (expected === undefined) t.same(faultsOf(environment).length, 1);
    else t.equal(parseSettings(schema, environment).config.API_KEY, expected);
  }
});

t.test('says which secret’s file cannot be read, or that there are two', async (t) => {
  const folder = t.testdir({ file: 'key-2' });
  const missing = join(folder, 'missing');
  t.same(faultsOf({ ...good, API_KEY: '', API_KEY_FILE: missing }), [
    `API_KEY_FILE: cannot read ${missing} (ENOENT)`,
  ]);
  t.same(faultsOf({ ...good, API_KEY_FILE: join(folder, 'file') }), [
    'API_KEY and API_KEY_FILE are both set: keep one',
  ]);
});

t.test(
  'reads a secret past a byte order mark, and changes no byte of one that is not UTF-8',
  async (t) => {
    const file = join(t.testdir({}), 'secret');
    writeFileSync(file, '\ufeffkey-1\r\n');
    const environment = { KEYRING_DIR: '/keys', API_KEY_FILE: file };
    t.equal(parseSettings(schema, environment).config.API_KEY, 'key-1');
    writeFileSync(file, Buffer.from('clé-1', 'latin1'));
    t.same(faultsOf(environment), [`API_KEY_FILE: ${file} is not text in UTF-8`]);
  },
);

t.test(
  'refuses a pipe in place of a secret’s file, whose reading would halt all else',
  async (t) => {
    const pipe = join(t.testdir({}), 'pipe');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    for (const file of [pipe, '/dev/null']) {
      t.same(faultsOf({ ...good, API_KEY: undefined, API_KEY_FILE: file }), [
        `API_KEY_FILE: ${file} is a pipe or a device, not a file`,
      ]);
    }
  },
);

t.test('takes only secrets from files', async (t) => {
  const KEYRING_DIR_FILE = join(t.testdir({ dir: '/keys' }), 'dir');
  t.same(faultsOf({ API_KEY: 'key-1', KEYRING_DIR_FILE }), ['KEYRING_DIR must be set']);
});

t.test('never shows a secret', async (t) => {
  const hidden = 'hidden-value';
  const folder = t.testdir({ file: `${hidden}\n` });
  for (const environment of [
    { ...good, API_KEY: hidden },
    { ...good, API_KEY: undefined, API_KEY_FILE: join(folder, 'file') },
    { API_KEY: hidden, API_KEY_FILE: '/x', DB_PASSWORD: hidden, DB_PASSWORD_FILE: '/y' },
    { ...good, API_KEYS: hidden, DB_PASWORD: hidden, PORT: 'x' },
  ]) {
    try {
      parseSettings(schema, environment);
      t.fail('must be refused');
    } catch (error) {
      t.notMatch(inspect(error, { depth: 9, showHidden: true }), hidden);
    }
  }
  const { warnings } = parseSettings(schema, { ...good, DB_PASWORD: hidden });
  t.notMatch(warnings.join(), hidden);
});

t.test('points out names that are close to known ones', async (t) => {
  const warnings = (name: string) => parseSettings(schema, { ...good, [name]: 'x' }).warnings;
  for (const [name, meant] of [
    ['KEYRING_DIRS', 'KEYRING_DIR'],
    ['KEYRINGDIR', 'KEYRING_DIR'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['log_level', 'LOG_LEVEL'],
    ['PROT', 'PORT'],
    ['PORTS', 'PORT'],
    ['port', 'PORT'],
    ['DB_PASSWORT', 'DB_PASSWORD'],
    ['DB_PASSWORD_FIEL', 'DB_PASSWORD_FILE'],
    ['HOSTNAME', undefined],
    ['HOME', undefined],
    ['PATH', undefined],
    ['LANG', undefined],
  ] as const) {
    const expected = meant === undefined ? [] : [`${name} is not a setting: is ${meant} meant?`];
    t.same(warnings(name), expected, name);
  }
});

t.test('names a near miss beside the setting that is missing for it', async (t) => {
  t.same(faultsOf({ API_KEY: 'key-1', KEYRING_DIRS: '/keys' }), [
    'KEYRING_DIR must be set',
    'KEYRING_DIRS is not a setting: is KEYRING_DIR meant?',
  ]);
});

t.test('knows a secret by writeOnly', async (t) => {
  t.equal(isSecret(schema.properties.API_KEY), true);
  t.equal(isSecret(schema.properties.HOST), false);
});
