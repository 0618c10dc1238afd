import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { openMysqlStore } from '../../../keyserver/store/mysql/mysql.ts';
import { openSqliteStore } from '../../../keyserver/store/sqlite/sqlite.ts';
import { scratchDatabase } from '../../support/database.ts';
import { ask } from '../../support/mysql-server.ts';
import { type Installation, install, type RunOptions, wildberries } from './installation.ts';

const keyless = { environment: { KEYRING_DIR: '' } };
const reading = [
  ['app', 'list'],
  ['app', 'show', 'reports'],
  ['type', 'list'],
  ['type', 'show', 'wildberries'],
  ['proxy', 'list'],
  ['proxy', 'show', 'dc-1'],
  ['grant', 'list'],
  ['token', 'list'],
  ['export'],
  ['doctor'],
];

interface Filled {
  /** All that nobody without a key file may see. */
  readonly secrets: readonly string[];
}

/** Stores one of everything. */
async function fill(
  run: (argv: readonly string[], options?: RunOptions) => Promise<{ readonly key?: string }>,
): Promise<Filled> {
  await run(wildberries);
  const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];
  await run([...put, '--expires', '2033-03-03'], { stdin: 'opaque-words-of-a-secret' });
  const { key: app = '' } = await run(['app', 'create', 'reports']);
  const { key: proxy = '' } = await run(['proxy', 'create', 'dc-1']);
  await run(['grant', 'add', 'reports', '--client', 'shop-*', '--type', 'wildberries']);
  return { secrets: [app, proxy, 'opaque-words', '2033-03-03'] };
}

async function installFilled(t: Test): Promise<Installation & Filled> {
  const admin = await install(t);
  const { secrets } = await fill((argv, options) => admin.json(argv, options));
  const stored = [
    ...admin.rows('SELECT body FROM documents').flatMap(({ body }) => hashesOf(String(body))),
    ...admin.rows('SELECT token FROM storage').map(({ token }) => String(token)),
    ...admin.rows('SELECT mac FROM documents').map(({ mac }) => String(mac)),
  ];
  return Object.assign(admin, { secrets: [...secrets, ...stored] });
}

function hashesOf(body: string): string[] {
  const { keys = [] } = JSON.parse(body) as { keys?: { hash: string }[] };
  return keys.map(({ hash }) => hash);
}

t.test('shows names and grants without a keyring, each marked', async (t) => {
  const admin = await installFilled(t);
  for (const argv of reading) {
    const command = argv.join(' ');
    const table = await admin.run([...argv, '--unverified'], keyless);
    t.equal(table.code, 0, command);
    t.match(
      table.stdout,
      /VERIFIED\n(?:.* no\n)+$|verified +no\n|verified: false\n|nothing was verified/,
    );
    t.match(
      table.stderr,
      argv[0] === 'doctor' ? '' : /^note: not verified: read without the keyring/,
    );
    const value = await admin.json([...argv, '--unverified'], keyless);
    t.ok(
      [value].flat().every(({ verified }) => verified === false),
      command,
    );
    const yaml = await admin.run([...argv, '--unverified', '-o', 'yaml'], keyless);
    t.match(yaml.stdout, /^(?:- | {2})?verified: false$/m);
  }
  t.match(await admin.json(['grant', 'list', '--unverified'], keyless), [
    { app: 'reports', client: 'shop-*', type: 'wildberries' },
  ]);
  t.match(await admin.json(['token', 'list', '--unverified'], keyless), [
    { client: 'shop-1', type: 'wildberries', kid: 'first', legacy: false, size: Number },
  ]);
  t.match(await admin.json(['app', 'list', '--unverified'], keyless), [{ opens: null }]);
});

t.test('shows no secret, no key, no hash of one, and nothing that is sealed', async (t) => {
  const admin = await installFilled(t);
  t.equal(admin.secrets.length, 4 + 2 + 1 + 3);
  for (const argv of reading) {
    for (const format of [[], ['--json'], ['-o', 'yaml']]) {
      const { stdout, stderr } = await admin.run([...argv, '--unverified', ...format], keyless);
      const shown = admin.secrets.filter((secret) => (stdout + stderr).includes(secret));
      t.same(shown, [], [...argv, ...format].join(' '));
    }
  }
});

t.test('reads nothing without a keyring unless it is asked to', async (t) => {
  const admin = await installFilled(t);
  const missing = { environment: { KEYRING_DIR: join(admin.folder, 'keyrng') } };
  for (const options of [keyless, missing]) {
    for (const argv of reading.filter(([name]) => name !== 'doctor')) {
      t.match(await admin.failure(argv, options), {
        ...{ exit: 3, code: 'settings_invalid', message: /KEYRING_DIR/ },
        hint: /^set KEYRING_DIR .* take --unverified$/,
      });
    }
    t.match(await admin.run(['doctor'], options), { code: 1, stdout: /KEYRING_DIR/ });
  }
});

t.test('verifies nothing with the option, even beside a keyring', async (t) => {
  const admin = await installFilled(t);
  t.match(await admin.json(['app', 'list', '--unverified']), [{ verified: false, opens: null }]);
});

t.test('lists a row that was tampered with, and claims nothing of it', async (t) => {
  const admin = await installFilled(t);
  admin.sql("UPDATE documents SET body = replace(body, 'shop-*', '*') WHERE kind = 'app'");
  t.equal((await admin.run(['grant', 'list'])).code, 1, 'the keyring tells');
  const [grant] = await admin.json(['grant', 'list', '--unverified'], keyless);
  t.match(grant, { app: 'reports', client: '*', verified: false });
  t.match(await admin.json(['app', 'list', '--unverified'], keyless), [{ opens: null }]);
  admin.sql("UPDATE documents SET body = '{}' WHERE kind = 'app'");
  const { code, stdout } = await admin.run(['app', 'list', '--unverified', '--json'], keyless);
  t.equal(code, 1);
  t.match(JSON.parse(stdout), [{ id: 'reports', opens: false, verified: false }]);
});

t.test('gives a file that apply does not seal', async (t) => {
  const admin = await installFilled(t);
  for (const format of [[], ['--json']]) {
    const { stdout } = await admin.run(['export', '--unverified', ...format], keyless);
    t.match(await admin.failure(['apply', '--file', '-', '--yes'], { stdin: stdout }), {
      code: 'input_invalid',
      message: /verified/,
    });
  }
});

t.test('knows no expiry without a keyring', async (t) => {
  const admin = await installFilled(t);
  const list = ['token', 'list', '--unverified', '--expires-within', '7d'];
  t.match(await admin.failure(list, keyless), { code: 'input_invalid', message: /sealed/ });
});

t.test('runs the checks of doctor that need no keyring, and names the others', async (t) => {
  const admin = await installFilled(t);
  await admin.json(['app', 'create', 'idle']);
  admin.sql("UPDATE storage SET token_type = 'unknown'");
  const { stdout, code } = await admin.run(['doctor', '--unverified', '--json'], keyless);
  t.equal(code, 1);
  const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string }[] };
  const named = (status: string) =>
    checks.filter((one) => one.status === status).map(({ name }) => name);
  t.same(named('fault'), ['token fields']);
  t.same(named('warning'), ['callers', 'unused grants']);
  t.same(named('skipped'), [
    ...[
      'keyring',
      'before-images',
      'missing keys',
      'expired tokens',
      'expiring tokens',
      'weak secrets',
      'changes',
      'clocks',
    ],
  ]);
});

t.test('leaves no trace in the folder of an embedded database', async (t) => {
  const admin = await installFilled(t);
  const before = readFileSync(join(admin.folder, 'rows.db'));
  const files = readdirSync(admin.folder);
  for (const argv of reading) await admin.json([...argv, '--unverified'], keyless);
  t.same(readdirSync(admin.folder), files);
  t.ok(readFileSync(join(admin.folder, 'rows.db')).equals(before));
  rmSync(join(admin.folder, 'rows.db'));
  t.match(await admin.failure(['app', 'list', '--unverified'], keyless), { exit: 4 });
  t.notOk(readdirSync(admin.folder).includes('rows.db'), 'makes no file');
});

t.test('reads what a KeyServer that runs has committed', async (t) => {
  const admin = await installFilled(t);
  const writer = new DatabaseSync(join(admin.folder, 'rows.db'));
  t.teardown(() => writer.close());
  writer.exec("PRAGMA journal_mode = WAL; UPDATE storage SET client_id = 'shop-2'");
  t.match(await admin.json(['token', 'list', '--unverified'], keyless), [{ client: 'shop-2' }]);
  writer.exec("BEGIN IMMEDIATE; UPDATE storage SET client_id = 'shop-3'");
  t.match(await admin.json(['token', 'list', '--unverified'], keyless), [{ client: 'shop-2' }]);
  writer.exec('ROLLBACK');
});

const skip = process.getuid?.() !== 0 && 'only root can be somebody else';
t.test('reads a file of somebody else that it can only read', { skip }, async (t) => {
  const admin = await installFilled(t);
  const file = join(admin.folder, 'rows.db');
  chmodSync(file, 0o444);
  chmodSync(admin.folder, 0o555);
  process.seteuid?.('nobody');
  try {
    for (const argv of reading) await admin.json([...argv, '--unverified'], keyless);
    const store = openSqliteStore({
      ...{ file, tokenTable: 'storage' },
      timeoutMs: 1000,
      readOnly: true,
    });
    await t.rejects(store.announceAll(), { kind: 'read_only', message: /cannot be written/ });
    await store.close();
  } finally {
    process.seteuid?.(0);
  }
});

t.test('needs a user of a MySQL-protocol server that may only read', async (t) => {
  const options = await scratchDatabase(t);
  const { host, port, database } = options;
  const admin = await install(t);
  const login = (user: string, password: string) => ({
    environment: {
      ...{ DB_FILE: '', DB_HOST: host, DB_PORT: String(port), DB_NAME: database },
      ...{ DB_USER: user, DB_PASSWORD: password, DB_TIMEOUT_MS: '10000' },
      DB_ALLOW_PUBLIC_KEY_RETRIEVAL: '1',
    },
  });
  const asOwner = login(options.user, options.password);
  const merged = (more: RunOptions = {}) => ({ ...asOwner, ...more });
  await admin.json(['migrate'], asOwner);
  await fill((argv, more) => admin.json(argv, merged(more)));

  const store = openMysqlStore({ ...options, readOnly: true });
  t.teardown(() => store.close());
  // Whatever its user may do.
  await t.rejects(store.announceAll(), { kind: 'read_only', message: /is read-only/ });

  const asReader = async (name: string, tables: readonly string[]) => {
    const user = `${name}_${database}`.slice(-32);
    await ask(options, `CREATE USER ${user}@'%' IDENTIFIED BY '${user}'`);
    t.teardown(() => ask(options, `DROP USER ${user}@'%'`));
    for (const table of tables) {
      await ask(options, `GRANT SELECT ON ${database}.${table} TO ${user}@'%'`);
    }
    const { environment } = login(user, user);
    return { environment: { ...environment, KEYRING_DIR: '' } };
  };
  const reader = await asReader('r', ['*']);
  for (const argv of reading) {
    t.ok([await admin.json([...argv, '--unverified'], reader)].flat().length > 0, argv.join(' '));
  }
  const namesAlone = await asReader('n', ['schema_migrations', 'documents', 'key_uses']);
  t.match(await admin.json(['grant', 'list', '--unverified'], namesAlone), [{ app: 'reports' }]);
  t.match(await admin.json(['app', 'show', 'reports', '--unverified'], namesAlone), { keys: [{}] });
  t.match(await admin.failure(['token', 'list', '--unverified'], namesAlone), {
    ...{ exit: 4, message: /lacks the privilege SELECT on the table storage/ },
  });
});
