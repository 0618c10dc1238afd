import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { StorageConfig } from '../../keyserver/storage/settings.ts';
import type { Environment } from '../../shared/settings/config.ts';
import { createAuthority } from '../support/certificates.ts';
import { scratchDatabase, sharedServer } from '../support/database.ts';
import { ticketSession } from '../support/exchange-client.ts';
import { ask as query } from '../support/mysql-server.ts';
import { mysqlSettings } from '../support/pair-state.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startTcpForwarder } from '../support/tcp-forwarder.ts';
import { until } from '../support/until.ts';
import { startKeyserver, startScene, tablesOf } from './keyserver-scene.ts';
import { newFolder } from './service.ts';
import { startSilentMysql } from './silent-mysql-server.ts';
import { once, type Row } from './table.ts';

type DatabaseSetting = Extract<keyof StorageConfig, `DB_${string}`>;

// The rows run side by side, and its installation blocks.
await sharedServer();

/** An error of a database that was not reached, as its entry says. */
const unreachable = 'database unreachable';

async function isReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/readyz`)).status === 200;
}

/** A started KeyServer without an SQLite file. */
const startOver = (t: Test, settings: Environment) =>
  startKeyserver(t, { DB_FILE: undefined, ...settings });

const server: Row = once(async (t) => {
  const options = await scratchDatabase(t);
  const { DB_PASSWORD = '', ...settings } = mysqlSettings(options);
  const started = await startOver(t, { ...settings, DB_PASSWORD });
  t.ok(await isReady(started.url));
  const sql = `SELECT COUNT(*) AS answer FROM information_schema.tables
    WHERE table_schema = '${options.database}' AND table_name = 'storage'`;
  t.equal(await query(options, sql), '1', 'migrated there');

  const passwordFile = join(newFolder(t), 'password');
  writeFileSync(passwordFile, `${DB_PASSWORD}\n`, { mode: 0o600 });
  const fromFile = await startOver(t, { ...settings, DB_PASSWORD_FILE: passwordFile });
  t.ok(await isReady(fromFile.url));

  const wrong = { DB_HOST: 'host.invalid', DB_PORT: '1', DB_USER: 'nobody', DB_NAME: 'none' };
  await Promise.all(
    Object.entries({ ...wrong, DB_PASSWORD: 'wrong' }).map(async ([name, value]) => {
      const { url, log } = await startOver(t, { ...settings, DB_PASSWORD, [name]: value });
      t.notOk(await isReady(url), name);
      t.match(
        log().filter(({ level }) => level === 'error'),
        [{ msg: unreachable, database: name === 'DB_HOST' ? /host\.invalid/ : /127\.0\.0\.1/ }],
      );
    }),
  );
});

/** A server that offers TLS and wants the password itself. */
async function startLogin(t: Test, further: (ca: string) => Environment) {
  const { ca, issue } = await createAuthority();
  const logins = await startSilentMysql(t, await issue({ names: ['127.0.0.1'] }));
  await startOver(t, {
    DB_HOST: '127.0.0.1',
    DB_PORT: String(logins.port),
    DB_USER: 'app',
    DB_PASSWORD: 'not a real password',
    DB_NAME: 'tokens',
    ...further(ca),
  });
  return logins;
}

/** Rows of the settings of the database. */
export const databaseRows: Readonly<Record<DatabaseSetting | 'DB_MIGRATE', Row>> = {
  DB_HOST: server,
  DB_PORT: server,
  DB_USER: server,
  DB_PASSWORD: server,
  DB_NAME: server,

  DB_TLS_CA: async (t) => {
    const file = join(newFolder(t), 'ca.pem');
    const encrypted = await startLogin(t, (ca) => {
      writeFileSync(file, ca);
      return { DB_TLS_CA: file };
    });
    await until(() => encrypted.encrypted > 0);
    t.equal(encrypted.plain, 0);
    const plain = await startLogin(t, () => ({}));
    await until(() => plain.plain > 0);
    t.equal(plain.encrypted, 0);
  },

  DB_ALLOW_PUBLIC_KEY_RETRIEVAL: async (t) => {
    const [allowed, not] = await Promise.all([
      startLogin(t, () => ({ DB_ALLOW_PUBLIC_KEY_RETRIEVAL: '1' })),
      startLogin(t, () => ({ DB_ALLOW_PUBLIC_KEY_RETRIEVAL: '0' })),
    ]);
    await until(() => allowed.keyRequests > 0 && not.passwords > 0);
    t.equal(not.keyRequests, 0);
  },

  DB_FILE: async (t) => {
    const file = join(newFolder(t), 'other.db');
    const { url } = await startKeyserver(t, { DB_FILE: file });
    t.ok(await isReady(url));
    t.ok((await tablesOf(file)).includes('storage'));
  },

  DB_TOKEN_TABLE: async (t) => {
    const file = join(newFolder(t), 'store.db');
    await startKeyserver(t, { DB_FILE: file, DB_TOKEN_TABLE: 'marketplace_tokens' });
    const tables = await tablesOf(file);
    t.ok(tables.includes('marketplace_tokens'));
    t.notOk(tables.includes('storage'));
  },

  DB_TIMEOUT_MS: async (t) => {
    const { halt, ask, log } = await startHalted(t);
    const session = ticketSession(await ask());
    halt();
    t.match((await ask({}, session)).problem, { code: 'keyserver_unavailable' });
    const said = () => JSON.stringify(log());
    await pollUntil('the end of a statement', said, (text) =>
      text.includes('The database did not answer in 6000 ms'),
    );
  },

  DB_MIGRATE: async (t) => {
    const file = join(newFolder(t), 'store.db');
    const { url, log } = await startKeyserver(t, { DB_FILE: file, DB_MIGRATE: 'off' });
    t.notOk(await isReady(url));
    t.same(await tablesOf(file), []);
    t.match(
      log().filter(({ level }) => level === 'error'),
      [{ msg: unreachable }],
    );
    const second = join(newFolder(t), 'store.db');
    const folder = newFolder(t, 'empty');
    await t.rejects(
      startKeyserver(t, {
        DB_FILE: second,
        DB_MIGRATE: 'off',
        KEYRING_DIR: folder,
        GENERATE_KEYS: '1',
      }),
      { message: /GENERATE_KEYS needs the database/ },
    );
    t.same(await tablesOf(second), [], 'not for the generation of keys either');
  },
};

/** Shows `CALLS_MAX`: the one call waits for a database that hangs. */
export const callsMax: Row = async (t) => {
  const { halt, ask } = await startHalted(t, { CALLS_MAX: '1' });
  const session = ticketSession(await ask());
  halt();
  const answers = await Promise.all([ask({}, session), ask({}, session)]);
  t.same(answers.map(({ problem: { code, reason } }) => [code, reason]).sort(), [
    ['keyserver_unavailable', 'database'],
    ['overloaded', 'calls'],
  ]);
};

/** A KeyServer on a server's database that can be halted, on whose statements it waits for 6 s. */
async function startHalted(t: Test, further: Environment = {}) {
  const options = await scratchDatabase(t);
  const forwarder = await startTcpForwarder(t, [options.port]);
  const scene = await startScene(
    t,
    { DB_TIMEOUT_MS: '6000', ...further },
    { ...mysqlSettings(options), DB_PORT: String(forwarder.port) },
  );
  await pollUntil('it is ready', () => isReady(scene.url), Boolean);
  return { ...scene, halt: () => forwarder.halt() };
}
