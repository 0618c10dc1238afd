import t from 'tap';
import { Type } from 'typebox';
import { openDatabase } from '../../../keyserver/storage/database.ts';
import { storageSettings } from '../../../keyserver/storage/settings.ts';
import { parseSettings } from '../../../shared/settings/config.ts';
import { scratchFile } from '../../support/database.ts';

const settings = Type.Object(storageSettings);

/** Opens what these settings say, as KeyServer and the tool do. */
function open(environment: Record<string, string>) {
  const { config } = parseSettings(settings, { KEYRING_DIR: 'k', ...environment });
  return openDatabase(config);
}

t.test('opens the store whose place is set', async (t) => {
  const sqlite = open({ DB_FILE: scratchFile(t) });
  t.match(sqlite.description, /^sqlite /);
  await sqlite.close();
  const mysql = open({ DB_HOST: 'db.example', DB_USER: 'u', DB_PASSWORD: 'hidden', DB_NAME: 'd' });
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
    t.throws(() => open(environment), { name: 'ConfigError', message });
  }
});
