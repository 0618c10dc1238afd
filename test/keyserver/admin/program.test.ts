import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runAdmin } from '../../../keyserver/admin/program.ts';
import { Installation, install, wildberries, writeKeyring } from './installation.ts';

const leaves = [
  'token put',
  'token list',
  'token show',
  'token delete',
  'type put',
  'type edit',
  'type list',
  'type show',
  'type delete',
  'app create',
  'app list',
  'app rotate',
  'app revoke',
  'proxy create',
  'proxy list',
  'proxy limit',
  'proxy rotate',
  'proxy revoke',
  'grant add',
  'grant list',
  'grant remove',
  'migrate',
  'history new',
  'export',
  'plan',
  'apply',
  'doctor',
];

t.test('has help with examples and --json for every command', async (t) => {
  const admin = new Installation(t);
  for (const command of ['', 'token', 'type', 'app', 'proxy', 'grant', ...leaves]) {
    const argv = [...command.split(' ').filter(Boolean), '--help'];
    const { code, stdout, stderr } = await admin.run(argv);
    t.equal(code, 0, command);
    t.equal(stderr, '', command);
    t.match(stdout, /^Usage: keyserver-admin/, command);
    t.match(stdout, `\n  $ keyserver-admin ${command}`, command);
    t.match(stdout, /--json +print one JSON value/, command);
  }
  t.match(
    (await admin.run(['--help'])).stdout,
    /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 .*\n {2}4 /,
  );
});

t.test('tells wrong usage with exit code 2', async (t) => {
  const admin = new Installation(t);
  const wrong: readonly (readonly [string[], RegExp, RegExp])[] = [
    [[], /the command is incomplete/, /--help/],
    [['token'], /the command is incomplete/, /--help/],
    [['tokn'], /unknown command 'tokn'/, /did you mean token\?/],
    [['token', 'Not-A-Command'], /^unknown command$/, /--help/],
    [['token', 'list', '-xyz'], /^unknown option -x$/, /--/],
    [['app', 'create'], /missing required argument 'id'/, /--help/],
    [['app', 'create', 'a', 'b'], /too many arguments/, /--help/],
    [['token', 'put', '--client', 'a'], /--type <type>' not specified/, /--help/],
    [['token', 'list', '--clinet', 'a'], /^unknown option --clinet$/, /did you mean --client\?/],
    [['token', 'list', '-client', 'a'], /^unknown option -c$/, /^options of more than one letter/],
    [['token', 'put', '--client', 'a', '--tpye', 'b'], /^unknown option --tpye$/, /--type\?/],
    [['type', 'put', 'a', '--destinaton', 'b'], /^unknown option --destinaton$/, /--destination\?/],
    [['app', 'rotate', 'a', '--overlap'], /argument missing/, /--help/],
  ];
  for (const [argv, message, hint] of wrong) {
    t.match(await admin.failure(argv), { exit: 2, code: 'usage', message, hint }, argv.join(' '));
  }
  const { stdout, stderr } = await admin.run(['tokn']);
  t.equal(stdout, '');
  t.equal(stderr, "error: unknown command 'tokn'\n  did you mean token?\n");
});

t.test('takes --json before and after the command', async (t) => {
  const admin = await install(t);
  for (const argv of [
    ['--json', 'type', 'list'],
    ['type', '--json', 'list'],
    ['type', 'list', '--json'],
  ]) {
    t.equal((await admin.run(argv)).stdout, '[]\n');
  }
});

t.test('tells settings and key files that cannot be used with exit code 3', async (t) => {
  const admin = await install(t);
  const environments = [
    { DB_FILE: '' },
    { DB_HOST: '127.0.0.1' },
    { KEYRING_DIR: '' },
    { KEYRING_DIR: join(admin.folder, 'nowhere') },
    { DB_TOKEN_TABLE: 'a b' },
    { DB_FILE: '', DB_HOST: 'db.example', DB_USER: 'a', DB_NAME: 'b', DB_TLS_CA: '/nowhere' },
    { AES_KEY_FILE: '/nowhere', AES_IV_FILE: '/nowhere' },
  ];
  for (const environment of environments) {
    const failure = await admin.failure(['app', 'list'], { environment });
    t.match(failure, { exit: 3, code: 'settings_invalid' }, JSON.stringify(environment));
  }
  const { stderr } = await admin.run(['app', 'list'], { environment: { KEYRING_DIR: '' } });
  t.match(
    stderr,
    /^error: settings cannot be used:\n {2}- KEYRING_DIR must be set\n {2}set KEYRING_DIR to .* --unverified$/m,
  );
});

t.test('names faults of settings and of key files at once', async (t) => {
  const admin = await install(t);
  const folder = join(admin.folder, 'nowhere');
  const environment = {
    DB_TIMEOUT_MS: '1',
    DB_TOKEN_TABLE: 'a b',
    KEYRING_DIR: folder,
    AES_KEY_FILE: join(folder, 'key.bin'),
    AES_IV_FILE: join(folder, 'iv.bin'),
  };
  const { stderr } = await admin.run(['app', 'list'], { environment });
  const faults = stderr.split('\n').filter((line) => line.startsWith('  - '));
  t.match(faults, [
    /DB_TIMEOUT_MS must be >= 50/,
    /DB_TOKEN_TABLE: The token table's name/,
    `  - KEYRING_DIR: there is no folder ${folder}`,
    `  - AES_KEY_FILE: cannot read ${environment.AES_KEY_FILE} (ENOENT)`,
    `  - AES_IV_FILE: cannot read ${environment.AES_IV_FILE} (ENOENT)`,
  ]);
  t.equal(faults.length, 5);
  const migrate = await admin.run(['migrate'], { environment });
  t.match(migrate.stderr, /DB_TIMEOUT_MS.*\n.*DB_TOKEN_TABLE/);
  t.notMatch(migrate.stderr, /nowhere/, 'migrate needs no keys');
});

t.test('tells a database that is away with exit code 4, without SQL', async (t) => {
  const admin = await install(t);
  const file = join(admin.folder, 'other.db');
  writeFileSync(file, 'no database at all, but long enough to be looked at: '.repeat(40), {
    mode: 0o600,
  });
  const environments = [
    { DB_FILE: file },
    { DB_FILE: '', DB_HOST: '127.0.0.1', DB_PORT: '1', DB_USER: 'a', DB_NAME: 'b' },
  ];
  for (const environment of environments) {
    const failure = await admin.failure(['app', 'list'], { environment });
    t.match(failure, { exit: 4, code: 'database_unavailable' });
    t.notMatch(JSON.stringify(failure), /select|sqlite_schema|schema_migrations/i);
  }
});

t.test('asks for migrations where the schema is not up to date', async (t) => {
  const admin = new Installation(t);
  for (const argv of [['token', 'list'], wildberries, ['app', 'create', 'a']]) {
    t.match(await admin.failure(argv), {
      exit: 4,
      code: 'migrations_pending',
      hint: 'run keyserver-admin migrate',
    });
  }
});

const all = ['0001_initial', '0002_history', '0003_replicas', '0004_images'];

t.test('migrates up and down', async (t) => {
  const admin = new Installation(t);
  t.equal((await admin.run(['migrate', '--down'])).stdout, 'no migration is applied\n');
  t.equal((await admin.run(['migrate'])).stdout, all.map((name) => `applied ${name}\n`).join(''));
  t.equal((await admin.run(['migrate'])).stdout, 'up to date\n');
  t.same(await admin.json(['migrate']), { applied: [] });
  for (const name of all.toReversed()) {
    t.equal((await admin.run(['migrate', '--down'])).stdout, `took back ${name}\n`);
  }
  t.same(await admin.json(['migrate']), { applied: all });
});

t.test('does not take a migration back that documents or tokens may be lost with', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const put = ['token', 'put', '--client', 'shop-1', '--type', 'wildberries'];
  await admin.json(put, { stdin: 'x' });
  for (const takenBack of all.toReversed().slice(0, -1)) {
    t.same(await admin.json(['migrate', '--down']), { takenBack });
  }
  t.match(await admin.failure(['migrate', '--down']), { exit: 2, hint: /--force/ });
  t.match(await admin.failure(['migrate', '--down', '--force']), {
    exit: 2,
    code: 'input_invalid',
    message: /has rows/,
  });
  await admin.json(['migrate']);
  t.equal((await admin.json(['token', 'list'])).length, 1);
  await admin.json(['token', 'delete', ...put.slice(2)]);
  for (const _ of all.slice(1)) await admin.json(['migrate', '--down']);
  t.same(await admin.json(['migrate', '--down', '--force']), { takenBack: '0001_initial' });
});

t.test('uses .data of the working directory where no database is set, and says so', async (t) => {
  const admin = new Installation(t);
  const unset = { DB_FILE: '', KEYRING_DIR: '' };
  t.match(await admin.failure(['migrate'], { environment: unset }), { exit: 3 });
  writeKeyring(join(admin.folder, '.data', 'keyring'), 'k');
  writeFileSync(join(admin.folder, '.data', 'keyserver.db'), '', { mode: 0o600 });
  const migrated = await admin.run(['migrate'], { environment: unset });
  t.equal(migrated.code, 0, migrated.stderr);
  t.equal(migrated.stderr, 'using .data/keyserver.db, since neither DB_HOST nor DB_FILE is set\n');
  const quiet = await admin.run(['app', 'list', '--json'], { environment: unset });
  t.same(quiet, { code: 0, stdout: '[]\n', stderr: '' });
  const doctor = await admin.run(['doctor'], { environment: unset });
  t.match(doctor.stdout, /settings +ok +using \.data\/keyserver\.db/);
  const elsewhere = { DB_FILE: '', KEYRING_DIR: join(admin.folder, 'none') };
  const { stderr } = await admin.run(['app', 'list'], { environment: elsewhere });
  t.match(stderr, `KEYRING_DIR: there is no folder ${elsewhere.KEYRING_DIR}`);
});

t.test('a new history says which documents did not open, with exit code 1', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  await admin.json(['app', 'create', 'orders']);
  t.match(await admin.run(['history', 'new']), { code: 0, stdout: /with 2 documents\n$/ });
  admin.sql("UPDATE documents SET body = replace(body, 'api.', 'evil.')");
  t.match(await admin.run(['history', 'new']), {
    code: 1,
    stdout: /with 1 document; 1 document did not open: see doctor\n$/,
  });
});

t.test('reads .env beneath the environment, and points near misses out', async (t) => {
  const admin = new Installation(t);
  const { DB_FILE, KEYRING_DIR } = admin.environment;
  writeFileSync(
    join(admin.folder, '.env'),
    `DB_FILE=${DB_FILE}\nKEYRING_DIR=${KEYRING_DIR}\nDB_FLIE=x\n`,
  );
  const environment = { DB_FILE: '', KEYRING_DIR: '' };
  const { code, stderr } = await admin.run(['migrate'], { environment });
  t.equal(code, 0);
  t.equal(stderr, 'DB_FLIE is not a setting: is DB_FILE meant?\n');
  const production = { ...environment, NODE_ENV: 'production' };
  t.match(await admin.failure(['migrate'], { environment: production }), { exit: 3 });
});

t.test('says an unexpected failure without its text, with exit code 70', async (t) => {
  const admin = await install(t);
  let stderr = '';
  const code = await runAdmin(['app', 'list'], {
    environment: admin.environment,
    folder: admin.folder,
    stdin: (async function* () {})(),
    stdinIsTerminal: false,
    writeStdout: () => {
      throw new TypeError('SELECT secret');
    },
    writeStderr: (text) => {
      stderr += text;
    },
    clock: admin.clock,
  });
  t.equal(code, 70);
  t.match(stderr, /^error: unexpected failure \(TypeError\)\n {2}\S/);
  t.notMatch(stderr, 'SELECT');
});
