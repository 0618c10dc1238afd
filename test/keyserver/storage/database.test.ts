import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Type } from 'typebox';
import { openDatabase } from '../../../keyserver/storage/database.ts';
import { storageSettings } from '../../../keyserver/storage/settings.ts';
import { parseSettings } from '../../../shared/settings/config.ts';
import { createAuthority } from '../../support/certificates.ts';
import { scratchFile } from '../../support/database.ts';

const settings = Type.Object(storageSettings);

/** Opens what these settings say, as KeyServer and the tool do. */
async function open(environment: Record<string, string>) {
  const { config } = parseSettings(settings, { KEYRING_DIR: 'k', ...environment });
  return openDatabase(config);
}

t.test('opens the store whose place is set', async (t) => {
  const sqlite = await open({ DB_FILE: scratchFile(t) });
  t.match(sqlite.description, /^sqlite /);
  await sqlite.close();
  const mysql = await open({
    DB_HOST: 'db.example',
    DB_USER: 'u',
    DB_PASSWORD: 'hidden',
    DB_NAME: 'd',
  });
  t.equal(mysql.description, 'mysql://db.example:3306/d, table storage');
  await mysql.close();
});

t.test('names the setting that is missing or wrong', async (t) => {
  const faults: [Record<string, string>, RegExp][] = [
    [{}, /DB_HOST .* or DB_FILE .* must be set/],
    [{ DB_HOST: 'h', DB_NAME: 'd' }, /DB_HOST needs DB_USER and DB_NAME/],
    [{ DB_HOST: 'h', DB_USER: 'u' }, /DB_HOST needs DB_USER and DB_NAME/],
    [{ DB_FILE: 'f', DB_TOKEN_TABLE: 'documents' }, /DB_TOKEN_TABLE: /],
  ];
  for (const [environment, message] of faults) {
    await t.rejects(open(environment), { name: 'ConfigError', message });
  }
});

t.test('refuses an embedded database that others can read or write', async (t) => {
  const folder = join(t.testdir({}), 'rows');
  const file = join(folder, 'store.db');
  const folderMissing = `DB_FILE: there is no folder ${folder}`;
  await t.rejects(open({ DB_FILE: file }), { name: 'ConfigError', faults: [folderMissing] });
  mkdirSync(folder, { mode: 0o700 });
  await (await open({ DB_FILE: file })).close();
  t.notOk(existsSync(file), 'it is made on first use');
  for (const name of ['store.db', 'store.db-wal', 'store.db-shm']) {
    const path = join(folder, name);
    writeFileSync(path, '');
    for (const mode of [0o666, 0o644, 0o602]) {
      chmodSync(path, mode);
      const fault = `DB_FILE: ${path} can be read by others: run chmod o-rwx on it`;
      await t.rejects(
        open({ DB_FILE: file }),
        { name: 'ConfigError', faults: [fault] },
        `${name} ${mode.toString(8)}`,
      );
    }
    chmodSync(path, 0o660);
    await (await open({ DB_FILE: file })).close();
  }
  chmodSync(folder, 0o777);
  await t.rejects(open({ DB_FILE: file }), {
    name: 'ConfigError',
    faults: [`DB_FILE: ${folder} can be written by others: run chmod o-w on it`],
  });
  chmodSync(folder, 0o1777);
  await (await open({ DB_FILE: file })).close();
});

t.test('refuses what would name a new, empty database by mistake', async (t) => {
  const file = join(t.testdir({}), 'store.db');
  for (const named of [`file:${file}`, ':memory:', ` ${file}`, `${file} `, `${file}\n`]) {
    await t.rejects(open({ DB_FILE: named }), {
      name: 'ConfigError',
      faults: [/^DB_FILE must be a path, without file: and white space around it/],
    });
  }
});

t.test(
  'refuses a device in place of an embedded database, without advice that would harm',
  async (t) => {
    await t.rejects(open({ DB_FILE: '/dev/null' }), {
      name: 'ConfigError',
      faults: ['DB_FILE: /dev/null is a pipe or a device, not a file'],
    });
  },
);

t.test('refuses a CA that others can write', async (t) => {
  const { ca } = await createAuthority();
  const file = join(t.testdir({ 'ca.pem': ca }), 'ca.pem');
  const server = { DB_HOST: 'h', DB_USER: 'u', DB_NAME: 'd', DB_TLS_CA: file };
  chmodSync(file, 0o666);
  const fault = `DB_TLS_CA: ${file} can be written by others: run chmod o-w on it`;
  await t.rejects(open(server), { name: 'ConfigError', faults: [fault] });
  chmodSync(file, 0o644);
  await (await open(server)).close();
});
