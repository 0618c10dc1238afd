import { chmodSync, chownSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadKeyring } from '../../../keyserver/keys/keyring.ts';
import { loadRsaKeys } from '../../../keyserver/keys/rsa-keys.ts';
import { sealReport } from '../../../keyserver/replicas/report.ts';
import { rsaPem, writeKeyFolder } from '../../support/key-folders.ts';
import { Installation, install, wildberries } from './installation.ts';

t.test('an RSA key is promoted only by somebody who says that proxies pin it', async (t) => {
  const admin = await install(t);
  const folder = writeKeyFolder(
    join(admin.folder, 'rsa'),
    { 'a.pem': rsaPem(), 'b.pem': rsaPem() },
    'a',
  );
  const environment = { RSA_KEY_DIR: folder };
  const promote = (name: string) => ['keys', 'promote', name, '--rsa', '--replicas', '1'];
  const asked = await admin.failure(promote('b'), { environment });
  t.same([asked.exit, asked.code], [2, 'confirmation_required']);
  t.match(asked.message, (await loadRsaKeys(folder)).names.get('b'), 'its id is shown');
  const no = await admin.run(promote('b'), { environment, stdinIsTerminal: true, stdin: 'n\n' });
  t.equal(no.code, asked.exit);
  t.equal(readFileSync(join(folder, 'primary'), 'utf8').trim(), 'a');
  t.match(await admin.failure(promote('c'), { environment }), { code: 'input_invalid' });
});

/** A KeyServer that has loaded the keys of both folders reports until the test ends. */
function startReports(t: Test, admin: Installation, rsaFolder: string): void {
  const { store } = admin.context(t);
  let beat = 0;
  const report = async () => {
    beat += 1;
    const ring = loadKeyring(admin.environment.KEYRING_DIR ?? '');
    const rsa = await loadRsaKeys(rsaFolder);
    const row = sealReport(ring, 'a', beat, {
      ...{ instance: 'instance-a', host: 'replica-1', workers: 1, version: '1', stopped: false },
      atRest: {
        primary: ring.primaryId,
        since: 0,
        keys: ring.kids.map((kid) => ring.idOf(kid) ?? ''),
      },
      rsa: {
        primary: rsa.names.get(rsa.primaryName) ?? '',
        since: 0,
        keys: [...rsa.names.values()],
      },
      ...{ history: '', seq: 0 },
    });
    await store.putReplica(row);
  };
  // The last one may find the folder or the store gone.
  const timer = setInterval(() => report().catch(() => {}), 250);
  t.teardown(() => clearInterval(timer));
}

t.test('keys live from new to retired, each step confirmed by a KeyServer', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const rsa = writeKeyFolder(join(admin.folder, 'rsa'), { 'old.pem': rsaPem() });
  const environment = { RSA_KEY_DIR: rsa };
  const run = async (...argv: string[]) => {
    const { code, stdout, stderr } = await admin.run(argv, { environment });
    t.equal(code, 0, stderr);
    return stdout;
  };
  const none = await run('keys', 'list');
  t.match(none, /^at-rest +first +yes +0 of 0 +0 +1 +1$/m);
  t.match(none, /^no KeyServer reports$/m);
  t.match(
    (await admin.run(['rewrap'], { environment })).stderr,
    /^no KeyServer reports: .* key first$/m,
  );
  const made = await run('keys', 'new');
  const [, name = ''] =
    /^made (\S+)\.key in \S+; once every KeyServer has it: keyserver-admin keys promote \1 --replicas N$/m.exec(
      made,
    ) ?? [];
  const [, pem = ''] =
    /^made (\S+)\.pem in .* promote \1 --rsa --replicas N$/m.exec(
      await run('keys', 'new', '--rsa'),
    ) ?? [];
  startReports(t, admin, rsa);
  const replicas = ['--replicas', '1'];
  const atRest = async () => {
    t.match(
      await run('keys', 'promote', name, ...replicas),
      `${name} is the primary key now; confirmed by replica-1`,
    );
    t.match(await run('keys', 'promote', name, ...replicas), 'is the primary key already');
    const rewrapped = await admin.run(['rewrap'], { environment });
    t.equal(rewrapped.stdout, `sealed 0 tokens and 1 document with ${name}\n`);
    t.notMatch(rewrapped.stderr, 'no KeyServer reports');
    t.match(
      await run('keys', 'retire', 'first', ...replicas),
      /^moved first\.key to .*retired; do so at every/,
    );
    t.match(await run('keys', 'retire', 'first', ...replicas), 'first was retired before');
  };
  const pems = async () => {
    t.match(
      await run('keys', 'promote', pem, '--rsa', '--yes', ...replicas),
      'is the primary key now',
    );
    t.match(await run('keys', 'retire', 'old', '--rsa', ...replicas), /^moved old\.pem to /);
  };
  await Promise.all([atRest(), pems()]);
  const listed = await run('keys', 'list');
  t.match(listed, new RegExp(`^at-rest +${name} +yes +1 of 1 +0 +1 +1$`, 'm'));
  t.match(listed, new RegExp(`^rsa +${pem} +yes +1 of 1$`, 'm'));
  t.match(listed, /^replica-1 instance +1 +1 +0 +\d s ago$/m);
});

t.test('a new key needs no database, and no other folder than its own', async (t) => {
  const admin = new Installation(t);
  const nothing = { DB_FILE: '', KEYRING_DIR: '' };
  for (const [setting, ...options] of [['KEYRING_DIR'], ['RSA_KEY_DIR', '--rsa']]) {
    t.match(await admin.failure(['keys', 'new', ...options], { environment: nothing }), {
      ...{ exit: 2, code: 'input_invalid', message: `${setting} is not set` },
      hint: 'set it, or name the folder: --dir FOLDER',
    });
  }
  const keyring = admin.environment.KEYRING_DIR ?? '';
  const rsa = writeKeyFolder(join(admin.folder, 'rsa'), { 'a.pem': rsaPem() });
  for (const [folder, ...options] of [[keyring], [rsa, '--rsa']] as const) {
    const argv = ['keys', 'new', ...options, '--dir', folder];
    t.match(await admin.json(argv, { environment: nothing }), { folder, written: true });
    t.equal(readdirSync(folder).length, 3);
  }
});

t.test('a key is printed if its folder cannot be written', async (t) => {
  const admin = new Installation(t);
  const rsa = writeKeyFolder(join(admin.folder, 'rsa'), { 'a.pem': rsaPem() });
  const folders = [admin.environment.KEYRING_DIR ?? '', rsa];
  for (const folder of folders) chmodSync(folder, 0o500);
  const isRoot = process.getuid?.() === 0;
  const others = 65_534;
  for (const path of isRoot
    ? ['.', ...readdirSync(admin.folder, { recursive: true, encoding: 'utf8' })]
    : []) {
    chownSync(join(admin.folder, path), others, others);
  }
  const asOwner = async (argv: readonly string[]) => {
    if (isRoot) process.seteuid?.(others);
    try {
      return await admin.run(argv, { environment: { RSA_KEY_DIR: rsa } });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  };
  const made = await asOwner(['keys', 'new']);
  t.equal(Buffer.from(made.stdout, 'base64').length, 32);
  t.match(
    made.stderr,
    /cannot be written: distribute this as \S+\.key, decoded from base64; it is shown only this once/,
  );
  const pem = await asOwner(['keys', 'new', '--rsa']);
  t.match(pem.stdout, /^-----BEGIN PRIVATE KEY-----\n/);
  t.match(pem.stderr, /distribute this as \S+\.pem; it is/);
  // So that the folder can be removed.
  for (const folder of folders) chmodSync(folder, 0o700);
});
