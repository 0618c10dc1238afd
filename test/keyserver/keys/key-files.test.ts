import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readKeyFiles } from '../../../keyserver/keys/key-files.ts';
import { secretFileFault } from '../../../shared/settings/file-mode.ts';
import { readPrivateFile } from '../../../shared/settings/private-file.ts';
import { writeKeyFolder } from '../../support/key-folders.ts';
import { faultsOf } from './faults.ts';

const read = (folder: string) => readKeyFiles(folder, '.key', (_file, bytes) => bytes);

t.test('reads the files of one extension, and which is primary', async (t) => {
  const folder = writeKeyFolder(join(t.testdir({}), 'keys'), {
    'b.key': 'bb',
    'a.key': 'aa',
    'notes.txt': 'x',
    'c.pem': 'x',
  });
  const { primary, keys } = read(folder);
  t.equal(primary, 'b');
  t.same([...keys.keys()].sort(), ['a', 'b']);
  t.equal(String(keys.get('a')), 'aa');
});

t.test('refuses a file that others can read, write or run, but not the group', async (t) => {
  const file = join(t.testdir({ 'a.key': 'x' }), 'a.key');
  for (const mode of [0o604, 0o602, 0o601, 0o644, 0o777, 0o004]) {
    chmodSync(file, mode);
    const faults = await faultsOf(() => readPrivateFile(file));
    t.same(faults, [`${file} can be read by others: run chmod o-rwx on it`], mode.toString(8));
  }
  for (const mode of [0o600, 0o400, 0o640, 0o440, 0o660]) {
    chmodSync(file, mode);
    t.equal(String(readPrivateFile(file)), 'x', mode.toString(8));
  }
});

t.test('refuses a device in place of a folder, and advises no change of its mode', async (t) => {
  t.same(await faultsOf(() => read('/dev/null')), ['/dev/null is a pipe or a device, not a file']);
  t.equal(secretFileFault('/dev/null'), undefined);
});

t.test(
  'refuses a pipe in place of a key or of primary, whose reading would halt all else',
  async (t) => {
    for (const name of ['a.key', 'primary']) {
      const folder = writeKeyFolder(join(t.testdir({}), 'keys'), { 'a.key': 'x' });
      const file = join(folder, name);
      rmSync(file);
      execFileSync('mkfifo', ['-m', '600', file]);
      t.same(await faultsOf(() => read(folder)), [`${file} is a pipe or a device, not a file`]);
    }
  },
);

t.test('refuses a folder or a primary that others can write', async (t) => {
  const folder = writeKeyFolder(join(t.testdir({}), 'keys'), { 'a.key': 'x' });
  const primary = join(folder, 'primary');
  for (const mode of [0o777, 0o702, 0o722]) {
    chmodSync(folder, mode);
    t.same(await faultsOf(() => read(folder)), [
      `${folder} can be written by others: run chmod o-w on it`,
    ]);
  }
  for (const mode of [0o755, 0o700, 0o770, 0o2750]) {
    chmodSync(folder, mode);
    t.equal(read(folder).primary, 'a', mode.toString(8));
  }
  chmodSync(primary, 0o646);
  t.same(await faultsOf(() => read(folder)), [
    `${primary} can be written by others: run chmod o-w on it`,
  ]);
  chmodSync(primary, 0o644);
  t.equal(read(folder).primary, 'a', 'it is no secret');
});

t.test('takes the volume of a Kubernetes secret, and no file that others put there', async (t) => {
  // The kubelet mounts a folder of mode 1777 with links through `..data`.
  const folder = t.testdir({ '..2026': { 'a.key': 'x', primary: 'a' } });
  chmodSync(join(folder, '..2026', 'a.key'), 0o440);
  symlinkSync('..2026', join(folder, '..data'));
  for (const name of ['a.key', 'primary']) symlinkSync(join('..data', name), join(folder, name));
  chmodSync(folder, 0o3777);
  t.equal(read(folder).primary, 'a');
  if (userInfo().uid !== 0) {
    t.pass('files of others', { skip: 'only root can make them' });
    return;
  }
  const strange = join(folder, 'b.key');
  writeFileSync(strange, 'y', { mode: 0o600 });
  chownSync(strange, 65534, 65534);
  t.same(await faultsOf(() => read(folder)), [
    `${strange} belongs neither to root nor to the owner of its folder, in which others can make files`,
  ]);
  rmSync(strange);
  symlinkSync('a.key', strange);
  lchownSync(strange, 65534, 65534);
  t.match(await faultsOf(() => read(folder)), [/b\.key belongs neither/], 'nor a link of theirs');
});

t.test('judges what a link points to', async (t) => {
  const folder = t.testdir({ 'open.key': 'x' });
  chmodSync(join(folder, 'open.key'), 0o644);
  symlinkSync('open.key', join(folder, 'a.key'));
  t.match(await faultsOf(() => readPrivateFile(join(folder, 'a.key'))), [/can be read by others/]);
});

t.test('says what is missing', async (t) => {
  const folder = join(t.testdir({}), 'keys');
  t.match(await faultsOf(() => read(folder)), [`there is no folder ${folder}: `]);
  mkdirSync(folder);
  t.match(await faultsOf(() => read(folder)), [`${folder} has no keys: `]);
  writeFileSync(join(folder, 'a.key'), 'x', { mode: 0o600 });
  const primary = join(folder, 'primary');
  t.same(await faultsOf(() => read(folder)), [
    `there is no ${primary}, which names the key in use: if it is a, run echo a > ${primary}`,
  ]);
  writeFileSync(join(folder, 'b.key'), 'x', { mode: 0o600 });
  t.match(await faultsOf(() => read(folder)), [
    /which names the key in use, one of (?:a, b|b, a)$/,
  ]);
  rmSync(join(folder, 'b.key'));
  renameSync(join(folder, 'a.key'), join(folder, 'a.pem'));
  t.match(await faultsOf(() => read(folder)), [/primary, which names the key in use$/]);
  t.same(await faultsOf(() => readPrivateFile(join(folder, 'x'))), [
    `cannot read ${join(folder, 'x')} (ENOENT)`,
  ]);
});

t.test('says where `primary` names nothing', async (t) => {
  const folder = writeKeyFolder(join(t.testdir({}), 'keys'), { 'a.key': 'x', 'c.pem': 'x' });
  for (const named of ['b', '', 'c', 'a.key', '../keys/a', 'A', 'a\nb']) {
    writeFileSync(join(folder, 'primary'), named);
    const faults = await faultsOf(() => read(folder));
    t.match(
      faults,
      [/primary names ".*", but there is no .*\.key beside it/s],
      JSON.stringify(named),
    );
  }
  writeFileSync(join(folder, 'primary'), ' a\r\n');
  t.equal(read(folder).primary, 'a', 'white space around it does not count');
});

t.test('refuses a name that is no kid, and a folder for a file', async (t) => {
  const folder = writeKeyFolder(join(t.testdir({}), 'keys'), { 'a.key': 'x', 'ключ.key': 'x' });
  t.match(await faultsOf(() => read(folder)), [/ключ\.key: key names are/]);
  rmSync(join(folder, 'ключ.key'));
  writeFileSync(join(folder, '.key'), 'x', { mode: 0o600 });
  t.match(await faultsOf(() => read(folder)), [/key names are/]);
  rmSync(join(folder, '.key'));
  mkdirSync(join(folder, 'b.key'), { mode: 0o700 });
  t.match(await faultsOf(() => read(folder)), [/b\.key is a folder$/]);
});
