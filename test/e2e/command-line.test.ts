import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { keyserverProgram } from '../../keyserver/start.ts';
import { makeCallerKey } from '../../shared/crypto/caller-key.ts';
import { version } from '../../shared/settings/version.ts';
import { createAuthority } from '../support/certificates.ts';
import { writeIdentity } from '../support/identity-files.ts';
import { createState } from '../support/pair-state.ts';
import { runMain } from '../support/service-process.ts';

const project = resolve(import.meta.dirname, '../..');

/** Runs a main with these settings alone to its end. */
function run(t: Test, main: string, args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(project, main), ...args], {
    cwd: t.testdirName,
    env: { NODE_ENV: 'production', ...env },
    encoding: 'utf8',
    timeout: 240_000,
  });
  return { status, stdout, stderr };
}

const proxySettings = () => ({
  PUBLIC_KEY_URL: 'http://127.0.0.1:9/public_key',
  TOKEN_REQUEST_URL: 'http://127.0.0.1:9/',
  PROXY_KEY: makeCallerKey('spx_'),
});

t.test('--version, --help and what is not known', async (t) => {
  t.testdir({});
  for (const [main, name] of [
    ['keyserver/main.ts', 'keyserver'],
    ['secureproxy/main.ts', 'secureproxy'],
    ['keyserver/admin/main.ts', 'keyserver-admin'],
  ] as const) {
    t.same(run(t, main, ['--version']), {
      status: 0,
      stdout: `${name} ${version}\n`,
      stderr: '',
    });
  }
  t.match(run(t, 'secureproxy/main.ts', ['--help']), { status: 0, stdout: /^Usage: / });
  t.match(run(t, 'keyserver/main.ts', ['--chek-config']), {
    status: 64,
    stdout: '',
    stderr: /^unknown option --chek-config\nUsage: /,
  });
});

t.test('--check-config of KeyServer reads all files and writes none', async (t) => {
  const { settings, admin, folder } = await createState(t.testdir({}));
  await admin.store.close();
  const before = readdirSync(folder);
  t.same(run(t, 'keyserver/main.ts', ['--check-config'], settings), {
    status: 0,
    stdout: 'ok\n',
    stderr: '',
  });
  t.same(readdirSync(folder), before);
  mkdirSync(join(folder, 'empty'));
  const fresh = { ...settings, DB_FILE: join(folder, 'empty/new.db'), GENERATE_KEYS: '1' };
  t.same(keyserverProgram.readSettings({ NODE_ENV: 'production', ...fresh }).warnings, []);
  t.notOk(existsSync(fresh.DB_FILE), 'no database is made');
  const faulty = {
    ...settings,
    PORT: 'x',
    TLS_CERT: '/none',
    TLS_CERT_FILE: '/none.crt',
    TLS_KEY_FILE: '/none.key',
    KEYRING_DIR: '/none',
    DB_FILE: '/none/keyserver.db',
  };
  const { status, stdout, stderr } = run(t, 'keyserver/main.ts', ['--check-config'], faulty);
  t.same([status, stdout], [78, '']);
  for (const fault of [
    /PORT must be integer/,
    /TLS_CERT_FILE: cannot read \/none\.crt \(ENOENT\)/,
    /TLS_KEY_FILE: cannot read \/none\.key \(ENOENT\)/,
    /KEYRING_DIR: there is no folder \/none: a new installation/,
    /DB_FILE: there is no folder \/none/,
    /TLS_CERT is not a setting: is TLS_CERT_FILE meant\?/,
  ]) {
    t.match(stderr, fault);
  }
});

t.test('--check-config of SecureProxy', async (t) => {
  const authority = await createAuthority();
  const [one, two] = [await authority.issue(), await authority.issue()];
  const files = writeIdentity(t.testdir({}), { cert: one.cert, key: two.key }, authority.ca);
  const settings = proxySettings();
  t.match(run(t, 'secureproxy/main.ts', ['--check-config'], { ...settings, LOG_LEVLE: 'info' }), {
    status: 0,
    stdout: 'warning: LOG_LEVLE is not a setting: is LOG_LEVEL meant?\nok\n',
  });
  const faulty = { ...settings, TLS_CERT_FILE: files.cert, TLS_KEY_FILE: files.key };
  t.match(run(t, 'secureproxy/main.ts', ['--check-config'], faulty), {
    status: 78,
    stderr: /is not the key of the certificate/,
  });
});

t.test('the first entry of the log has the version', async (t) => {
  t.testdir({});
  const main = runMain(t, 'secureproxy/main.ts', { ...proxySettings(), PORT: '0' });
  const origin = await main.listening();
  t.match(main.lines()[0], { msg: 'starting', 'service.version': version });
  t.same(await (await fetch(`${origin}/healthz`)).json(), { status: 'ok', version });
});
