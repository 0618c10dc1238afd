import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ConfigError } from '../../../shared/settings/config.ts';
import { readEnvironment } from '../../../shared/settings/dot-env.ts';

t.test('reads .env beneath the environment', async (t) => {
  const folder = t.testdir({ '.env': 'PORT=6001\nHOST="::1" # loopback\nDB_NAME=fallback\n' });
  t.same(readEnvironment({ PORT: '7001', DB_NAME: '', DB_USER: undefined }, folder), {
    PORT: '7001',
    HOST: '::1',
    DB_NAME: 'fallback',
  });
});

t.test('does not read .env in production', async (t) => {
  const folder = t.testdir({ '.env': 'PORT=6001\n' });
  const environment = { NODE_ENV: 'production', HOST: '127.0.0.1' };
  t.same(readEnvironment(environment, folder), environment);
});

t.test('does without a .env', async (t) => {
  t.same(readEnvironment({ PORT: '1' }, t.testdir()), { PORT: '1' });
});

t.test('says which .env cannot be read', async (t) => {
  const folder = t.testdir();
  mkdirSync(join(folder, '.env'));
  writeFileSync(join(folder, '.env', 'x'), '');
  t.throws(
    () => readEnvironment({}, folder),
    new ConfigError([`cannot read ${join(folder, '.env')} (EISDIR)`]),
  );
});

t.test('refuses a .env that is a pipe, which would halt the start', async (t) => {
  const folder = t.testdir();
  const file = join(folder, '.env');
  execFileSync('mkfifo', [file]);
  t.throws(
    () => readEnvironment({}, folder),
    new ConfigError([`${file} is a pipe or a device, not a file`]),
  );
});

t.test('reads past the mark that editors put before UTF-8, and rejects other text', async (t) => {
  const folder = t.testdir();
  const file = join(folder, '.env');
  writeFileSync(file, '\ufeffPORT=6001\r\nHOST=::1\r\n');
  t.same(readEnvironment({}, folder), { PORT: '6001', HOST: '::1' });
  for (const other of [
    Buffer.from('DB_PASSWORD=p\u00e4ss\n', 'latin1'),
    Buffer.from('\ufeffPORT=6001\n', 'utf16le'),
    Buffer.from('PORT=6001\n', 'utf16le'),
  ]) {
    writeFileSync(file, other);
    t.throws(() => readEnvironment({}, folder), new ConfigError([`${file} is not text in UTF-8`]));
  }
});
