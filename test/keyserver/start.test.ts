import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { sealDocument } from '../../keyserver/at-rest/document-row.ts';
import { loadKeyring } from '../../keyserver/keys/keyring.ts';
import { keyserverProgram } from '../../keyserver/start.ts';
import { openMysqlStore } from '../../keyserver/store/mysql/mysql.ts';
import { openSqliteStore } from '../../keyserver/store/sqlite/sqlite.ts';
import type { Store } from '../../keyserver/store/store.ts';
import type { PublicKeyAnswer } from '../../shared/protocol/messages.ts';
import { ConfigError } from '../../shared/settings/config.ts';
import { scratchDatabase } from '../support/database.ts';
import { sharedRsaPem, writeKeyFolder, writeKeyring } from '../support/key-folders.ts';
import { capturedLog } from '../support/log.ts';
import { runMain } from '../support/service-process.ts';

/** Of all states, since each key takes a while. */
const rsaKey = sharedRsaPem();

/** Settings over a new folder: an embedded database, and keys unless they are to be made. */
function settingsIn(t: Test, { keys = true } = {}) {
  const folder = t.testdir({});
  const settings = {
    PORT: '0',
    DB_FILE: join(folder, 'store.db'),
    KEYRING_DIR: join(folder, 'keyring'),
    RSA_KEY_DIR: join(folder, 'rsa'),
  };
  if (keys) {
    writeKeyring(settings.KEYRING_DIR);
    writeKeyFolder(settings.RSA_KEY_DIR, { 'r1.pem': rsaKey });
  }
  return settings;
}

const run = (t: Test, settings: Readonly<Record<string, string>>) =>
  runMain(t, 'keyserver/main.ts', settings);

/** Starts KeyServer in this process, and expects faults; resolves to them, as a process prints them. */
async function faults(settings: Readonly<Record<string, string>>): Promise<string> {
  const { logger } = capturedLog('keyserver');
  try {
    const { config } = keyserverProgram.readSettings({ NODE_ENV: 'production', ...settings });
    await keyserverProgram.prepare?.(config, logger);
    await keyserverProgram.start(config, logger);
    return 'it started';
  } catch (error) {
    // That a process ends by it with code 78 is the first test's.
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

/** Puts one document, as a database in use has. */
async function putRow(store: Store, keyringDir: string): Promise<void> {
  const keyring = loadKeyring(writeKeyring(keyringDir));
  await store.migrate();
  await store.editDocument('proxy', 'p', (_row, revision) =>
    sealDocument(keyring, 'proxy', 'p', revision, { keys: [] }),
  );
  await store.close();
}

const publicKey = async (url: string) =>
  (await (await fetch(`${url}/public_key`)).json()) as PublicKeyAnswer;

t.test('settings that cannot be used end it with code 78 and a list on stderr', async (t) => {
  t.testdir({});
  const main = run(t, { PORT: 'http', DB_PASSWORD: 'hidden-value', KEYRING_DIRS: '/x' });
  t.equal(await main.ended, 78);
  t.equal(main.stdout(), '');
  t.same(main.stderr().trimEnd().split('\n').sort(), [
    '  - DB_HOST (a MySQL-protocol server) or DB_FILE (an embedded database) must be set',
    '  - KEYRING_DIR must be set',
    '  - KEYRING_DIRS is not a setting: is KEYRING_DIR meant?',
    '  - PORT must be integer (it is "http")',
    '  - RSA_KEY_DIR must be set',
    'settings cannot be used:',
  ]);
});

t.test('keys that cannot be used end it likewise', async (t) => {
  const settings = settingsIn(t);
  const key = join(settings.KEYRING_DIR, 'k1.key');
  chmodSync(key, 0o644);
  t.equal(
    await faults(settings),
    `settings cannot be used:\n  - KEYRING_DIR: ${key} can be read by others: run chmod o-rwx on it`,
  );
});

t.test('a port that is taken ends it likewise', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  const main = run(t, { ...settingsIn(t), PORT: port });
  t.equal(await main.ended, 78);
  t.match(main.stderr(), `port ${port} is in use`);
  t.notMatch(main.stderr(), / at .*\.ts/, 'no stack');
});

t.test('an address that is not ours ends it likewise', async (t) => {
  const settings = { ...settingsIn(t), HOST: '192.0.2.1' };
  t.match(await faults(settings), /cannot listen on 192\.0\.2\.1 .*see HOST and PORT/);
  t.ok(existsSync(settings.DB_FILE), 'the database was reached');
  t.notOk(existsSync(`${settings.DB_FILE}-wal`), 'and is closed again');
});

t.test('a table’s name that cannot be one ends it likewise', async (t) => {
  const found = await faults({ ...settingsIn(t), DB_TOKEN_TABLE: 'storage; DROP TABLE x' });
  t.match(found, /DB_TOKEN_TABLE: The token table's name must be/);
  t.notMatch(found, / at .*\.ts/);
});

t.test('makes its keys once, where it is told to', async (t) => {
  const settings = { ...settingsIn(t, { keys: false }), GENERATE_KEYS: '1' };
  const first = run(t, settings);
  const { keyId } = await publicKey(await first.listening());
  first.child.kill('SIGTERM');
  t.equal(await first.ended, 0);
  for (const folder of [settings.KEYRING_DIR, settings.RSA_KEY_DIR]) {
    t.equal(statSync(folder).mode & 0o777, 0o700);
    t.equal(readdirSync(folder).length, 2);
    for (const name of readdirSync(folder)) {
      t.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
    }
  }
  const second = run(t, settings);
  t.equal((await publicKey(await second.listening())).keyId, keyId);
});

t.test('makes its keys over a table of the earlier system', async (t) => {
  const settings = { ...settingsIn(t, { keys: false }), GENERATE_KEYS: '1' };
  const store = openSqliteStore({
    file: settings.DB_FILE,
    tokenTable: 'storage',
    timeoutMs: 1500,
  });
  await store.migrate();
  await store.putToken({ clientId: '42', tokenType: 'ozon', token: 'iu0DYE1MJ6c0A5Ou3s0VoA==' });
  await store.close();
  const main = run(t, settings);
  await main.listening();
  t.equal(readdirSync(settings.KEYRING_DIR).length, 2);
});

t.test('makes no key unless told to', async (t) => {
  const settings = settingsIn(t, { keys: false });
  t.match(await faults(settings), 'settings cannot be used:');
  t.notOk(existsSync(settings.KEYRING_DIR));
});

t.test('never makes a keyring over a database that has sealed rows', async (t) => {
  t.test('embedded', async (t) => {
    const settings = { ...settingsIn(t, { keys: false }), GENERATE_KEYS: '1' };
    const file = settings.DB_FILE;
    const lost = join(t.testdirName, 'lost');
    await putRow(openSqliteStore({ file, tokenTable: 'storage', timeoutMs: 1500 }), lost);
    t.match(await faults(settings), /has no keys, but the database has rows/);
    t.notOk(existsSync(settings.KEYRING_DIR));
    t.notOk(existsSync(settings.RSA_KEY_DIR));
  });

  // A pool that is left open ends by itself only after a minute.
  t.test('on a server, and lets go of it', { timeout: 55_000 }, async (t) => {
    const { DB_FILE, ...settings } = { ...settingsIn(t, { keys: false }), GENERATE_KEYS: '1' };
    const options = await scratchDatabase(t);
    await putRow(openMysqlStore(options), `${DB_FILE}-lost`);
    const main = run(t, {
      ...settings,
      DB_HOST: options.host,
      DB_PORT: String(options.port),
      DB_USER: options.user,
      DB_PASSWORD: options.password,
      DB_NAME: options.database,
      DB_ALLOW_PUBLIC_KEY_RETRIEVAL: '1',
    });
    t.equal(await main.ended, 78);
    t.match(main.stderr(), /has no keys, but the database has rows/);
  });
});

/** A server that is away. */
const nowhere = { DB_HOST: '127.0.0.1', DB_PORT: '1', DB_USER: 'u', DB_NAME: 'd' };

t.test('makes no keyring where it cannot see whether there are rows', async (t) => {
  const { DB_FILE: _, ...settings } = settingsIn(t, { keys: false });
  t.match(
    await faults({ ...settings, ...nowhere, GENERATE_KEYS: '1' }),
    /GENERATE_KEYS needs the database, to check that it has no sealed rows yet/,
  );
  t.notOk(existsSync(settings.KEYRING_DIR));
});

t.test('an embedded database in a folder that is not there is a fault of settings', async (t) => {
  const settings = settingsIn(t);
  const folder = join(t.testdirName, 'none');
  const found = await faults({ ...settings, DB_FILE: join(folder, 'x.db') });
  t.match(found, `  - DB_FILE: there is no folder ${folder}`);
});

t.test('starts without its database, unready', async (t) => {
  const { DB_FILE: _, ...settings } = settingsIn(t);
  const main = run(t, { ...settings, ...nowhere });
  const url = await main.listening();
  t.equal((await fetch(`${url}/readyz`)).status, 503);
  t.equal((await fetch(`${url}/healthz`)).status, 200);
});

t.test(
  'says at start that unsafe rows are served, and which name is nearly a setting',
  async (t) => {
    const settings = settingsIn(t);
    const folder = writeKeyFolder(join(t.testdirName, 'legacy'), {
      'key.bin': randomBytes(32),
      'iv.bin': randomBytes(16),
    });
    const main = run(t, {
      ...settings,
      UNSAFE_LEGACY_ROWS: '1',
      AES_KEY_FILE: join(folder, 'key.bin'),
      AES_IV_FILE: join(folder, 'iv.bin'),
      LOG_LEVLE: 'trace',
    });
    await main.listening();
    const warnings = main.lines().filter(({ level }) => level === 'warn');
    t.match(
      warnings.map(({ msg }) => msg),
      ['LOG_LEVLE is not a setting: is LOG_LEVEL meant?', /^UNSAFE_LEGACY_ROWS is set/],
    );
  },
);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} lets a call in flight finish, takes no new one, and ends with 0`, async (t) => {
    const main = run(t, settingsIn(t));
    const { hostname, port } = new URL(await main.listening());
    const body = '{"clientId": "c", "tokenType": "t", "sessionKey": "AAAA"}';
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.write(
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`,
    );
    // A whole call on another connection shows that the service has seen the first one.
    await fetch(`http://${hostname}:${port}/healthz`);
    main.child.kill(signal);
    await main.said('stopping');
    await t.rejects(fetch(`http://${hostname}:${port}/healthz`), 'no new connection');
    socket.write(body.slice(9));
    await once(socket, 'close');
    t.match(answer, /^HTTP\/1\.1 400 .*session_invalid/s, 'answered in full');
    t.match(answer, /connection: close/i);
    t.equal(await main.ended, 0);
    t.match(main.lines().at(-1), { msg: 'stopped' });
    t.equal(main.stderr(), '');
  });
}
