import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Installation, install, wildberries } from './installation.ts';

/** An installation whose folder of at-rest keys is empty. */
function withoutKeys(
  t: Test,
  admin = new Installation(t),
): { admin: Installation; folder: string } {
  const folder = admin.environment.KEYRING_DIR ?? '';
  rmSync(folder, { recursive: true });
  mkdirSync(folder, { mode: 0o700 });
  return { admin, folder };
}

t.test('each command says how to get on, from nothing to the first type', async (t) => {
  const { admin, folder } = withoutKeys(t);
  const noKeys = await admin.failure(['token', 'list']);
  t.match(noKeys, { exit: 3, message: `KEYRING_DIR: ${folder} has no keys: a new installation` });
  t.match(noKeys.message, 'gets its first key by keyserver-admin keys new,');
  t.match(await admin.failure(['keys', 'new']), {
    exit: 4,
    code: 'migrations_pending',
    hint: 'run keyserver-admin migrate',
  });
  await admin.json(['migrate']);
  const made = await admin.run(['keys', 'new']);
  t.equal(made.stdout, `made 2027-03-04.key in ${folder}, its first and primary key\n`);
  t.match(made.stderr, 'without it no token opens');
  t.equal(readFileSync(join(folder, 'primary'), 'utf8'), '2027-03-04\n');
  await admin.json(wildberries);
});

t.test('a folder that there is not is made', async (t) => {
  const admin = await install(t);
  const KEYRING_DIR = join(admin.folder, 'new', 'keys');
  const missing = await admin.failure(['app', 'list'], { environment: { KEYRING_DIR } });
  t.match(missing.message, 'keyserver-admin keys new');
  t.match(await admin.json(['keys', 'new'], { environment: { KEYRING_DIR } }), {
    ...{ key: '2027-03-04', file: '2027-03-04.key', folder: KEYRING_DIR },
    ...{ written: true, primary: true },
  });
});

t.test('a folder of RSA keys that there is not is named, with the way to get one', async (t) => {
  const admin = await install(t);
  const environment = { RSA_KEY_DIR: join(admin.folder, 'no-rsa') };
  const missing = `RSA_KEY_DIR: there is no folder ${environment.RSA_KEY_DIR}: a new installation gets`;
  t.match(await admin.failure(['keys', 'list'], { environment }), { exit: 3, message: missing });
  const { stdout } = await admin.run(['doctor'], { environment });
  t.match(stdout, missing);
  t.match(stdout, 'keyserver-admin keys new --rsa');
});

t.test('no first key beside rows that a lost keyring sealed', async (t) => {
  const installed = await install(t);
  await installed.json(wildberries);
  const { admin, folder } = withoutKeys(t, installed);
  const failure = await admin.failure(['keys', 'new']);
  t.match(failure, { exit: 3, message: /rows that a keyring sealed: restore it/ });
  t.equal((await admin.failure(['token', 'list'])).message.includes(`${folder} has no keys`), true);
});

t.test('no first key while a KeyServer with keys uses the database', async (t) => {
  const { admin } = withoutKeys(t, await install(t));
  const report = (secondsAgo: number) =>
    admin.sql(
      "REPLACE INTO replicas (id, beat, kid, body, mac, seen_at) VALUES ('a', 1, 'other', '{}', 'x', unixepoch() - ?)",
      String(secondsAgo),
    );
  report(5);
  t.match(await admin.failure(['keys', 'new']), {
    ...{ exit: 1, code: 'not_confirmed', hint: /copy its folder/ },
  });
  report(60);
  await admin.json(['keys', 'new']);
});

t.test('an RSA key needs no database', async (t) => {
  const admin = new Installation(t);
  const RSA_KEY_DIR = join(admin.folder, 'rsa');
  const environment = { RSA_KEY_DIR };
  t.match(await admin.json(['keys', 'new', '--rsa'], { environment }), { primary: true });
  t.equal(readFileSync(join(RSA_KEY_DIR, 'primary'), 'utf8'), '2027-03-04\n');
  const second = await admin.json(['keys', 'new', '--rsa'], { environment });
  t.equal(second.primary, undefined, 'a second key is not in use yet');
});
