import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isCallerKey } from '../../../shared/crypto/caller-key.ts';
import { type Installation, install, wildberries } from './installation.ts';
import { launcher } from './tool-process.ts';

const keyCommands = [
  ['app', 'create', 'new', '--direct'],
  ['proxy', 'create', 'new'],
  ['app', 'rotate', 'old', '--yes'],
  ['proxy', 'rotate', 'old', '--overlap', '1h'],
];

/** An installation with the app and the proxy `old`, and a view of what is stored. */
async function setUp(t: Test) {
  const admin = await install(t);
  for (const kind of ['app', 'proxy']) await admin.json([kind, 'create', 'old']);
  // Later than the old keys, so that a rotation shows.
  admin.nowMs += 1000;
  return { admin, stored: () => storedIn(admin) };
}

async function storedIn(admin: Installation) {
  return [await admin.json(['app', 'list']), await admin.json(['proxy', 'list'])];
}

t.test('writes a new key into the new file of --out, for its owner alone', async (t) => {
  const { admin } = await setUp(t);
  for (const [i, argv] of keyCommands.entries()) {
    const file = `${i}.key`;
    const { code, stdout, stderr } = await admin.run([...argv, '--out', file]);
    t.equal(code, 0, stderr);
    t.equal(statSync(join(admin.folder, file)).mode & 0o777, 0o600);
    const text = readFileSync(join(admin.folder, file), 'utf8');
    t.ok(isCallerKey(text.slice(0, -1), argv[0] === 'app' ? 'spk_' : 'spx_'));
    t.match(text, /\n$/);
    t.notMatch(stdout + stderr, text.trimEnd());
    t.match(stdout, `; the new key is in ${file}\n`);
  }
  const created = await admin.json(['app', 'create', 'third', '--out', 'third.key']);
  t.same(created, { id: 'third', direct: false, keyFile: 'third.key' });
});

t.test('changes nothing if the file of --out exists or cannot be written', async (t) => {
  const { admin, stored } = await setUp(t);
  writeFileSync(join(admin.folder, 'old.key'), 'kept');
  const before = await stored();
  for (const [out, message] of [
    ['old.key', /exists already/],
    ['/dev/full', /exists already/],
    ['nowhere/new.key', /ENOENT/],
    ['old.key/new.key', /ENOTDIR/],
    ['.', /exists already/],
  ] as const) {
    for (const argv of keyCommands) {
      t.match(
        await admin.failure([...argv, '--out', out]),
        { exit: 74, code: 'output_failed', message, hint: /^nothing was changed; / },
        `${argv.join(' ')} ${out}`,
      );
    }
  }
  t.equal(readFileSync(join(admin.folder, 'old.key'), 'utf8'), 'kept');
  t.same(await stored(), before);
});

t.test('changes nothing, and leaves no file, if the disk of --out is full', async (t) => {
  const { admin, stored } = await setUp(t);
  const before = await stored();
  mkdirSync(join(admin.folder, 'full'));
  // A file system of one page, which is taken, in a mount namespace of its own.
  const script = `mount -t tmpfs -o size=4k none full || exit 99
    head -c 4096 /dev/zero > full/taken
    "$0" "$@"; code=$?
    ls full; exit $code`;
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    [
      ...['--mount', '--map-root-user', 'sh', '-c', script, process.execPath, launcher],
      ...['app', 'create', 'new', '--out', 'full/new.key'],
    ],
    { cwd: admin.folder, encoding: 'utf8', env: { ...process.env, ...admin.environment } },
  );
  if (status === null || status === 99 || /unshare/.test(stderr)) {
    t.pass('a full disk', { skip: `no file system can be mounted: ${stderr.split('\n')[0]}` });
    return;
  }
  t.equal(status, 74, stderr);
  t.match(stderr, /^error: cannot write the file that --out names \(ENOSPC\)\n/);
  t.equal(stdout, 'taken\n');
  t.same(await stored(), before);
});

t.test('keeps a key whose commit failed, and says that it may not be valid', async (t) => {
  const { admin, stored } = await setUp(t);
  const before = await stored();
  admin.sql(
    "CREATE TRIGGER fail BEFORE INSERT ON changes BEGIN SELECT RAISE(ABORT, 'made-up'); END",
  );
  const create = ['app', 'create', 'new'];
  const remark = (place: string) =>
    `; the key ${place} may not be valid: see keyserver-admin app list\n`;
  const toFile = await admin.run([...create, '--out', 'new.key']);
  t.equal(toFile.code, 4);
  t.equal(toFile.stdout, '');
  t.ok(toFile.stderr.endsWith(remark('in new.key')), toFile.stderr);
  t.ok(existsSync(join(admin.folder, 'new.key')), 'the commit may have happened unseen');
  const inJson = await admin.run([...create, '--json']);
  t.match(JSON.parse(inJson.stderr), {
    error: { code: 'database_unavailable', hint: /; the key above may not be valid: / },
  });
  const toStdout = await admin.run(create);
  t.equal(toStdout.code, 4);
  t.ok(isCallerKey(toStdout.stdout.trimEnd(), 'spk_'));
  t.ok(toStdout.stderr.endsWith(remark('above')), toStdout.stderr);
  t.same(await stored(), before);
});

t.test('has no key to write for the app anonymous', async (t) => {
  const { admin } = await setUp(t);
  const create = ['app', 'create', 'anonymous', '--out', 'new.key'];
  t.match(await admin.failure(create), { exit: 2, code: 'input_invalid' });
  t.notOk(existsSync(join(admin.folder, 'new.key')));
  t.same((await admin.json(['app', 'list'])).length, 1);
});

t.test('takes - for stdin or stdout, and makes no file of that name', async (t) => {
  const admin = await install(t);
  await admin.json(wildberries);
  const name = ['--client', 'shop-1', '--type', 'wildberries'];
  const { stdout, stderr } = await admin.run(['app', 'create', 'new', '--out', '-']);
  t.match(stdout, /^spk_\S+\n$/);
  t.match(stderr, /its key is shown only this once/);
  const rotated = await admin.json(['app', 'rotate', 'new', '--yes', '--out', '-']);
  t.match(rotated, { key: /^spk_/ });
  const put = ['token', 'put', ...name, '--file', '-'];
  t.match(await admin.json(put, { stdin: 'made-up-secret' }), { replaced: false });
  const exported = await admin.run(['token', 'export', '--sealed', '--out', '-']);
  t.match(JSON.parse(exported.stdout), { client: 'shop-1', sealed: /^skt1\./ });
  const importing = ['token', 'import', '--file', '-'];
  t.match(await admin.json(importing, { stdin: exported.stdout }), { unchanged: 1 });
  t.match(await admin.failure(['backup', '-']), {
    exit: 2,
    code: 'input_invalid',
    message: 'a backup is not written to stdout',
  });
  t.notOk(existsSync(join(admin.folder, '-')));
});
