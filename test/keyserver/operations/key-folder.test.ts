import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  addKey,
  moveToRetired,
  readKeyFolder,
  setPrimary,
} from '../../../keyserver/operations/keys/key-folder.ts';
import { writeKeyFolder } from '../../support/key-folders.ts';

const now = new Date('2031-02-03T04:05:06Z');
const name = '2031-02-03-040506';
const isRoot = process.getuid?.() === 0;

function folderOf(test: Test) {
  return writeKeyFolder(join(test.testdir({}), 'ring'), { 'k1.key': randomBytes(32) }, 'k1');
}

const read = (path: string) => readKeyFolder('at-rest', path);

t.test('a new key has the mode of the primary one, and primary keeps its own', async (t) => {
  const path = folderOf(t);
  chmodSync(join(path, 'k1.key'), 0o640);
  chmodSync(join(path, 'primary'), 0o644);
  if (isRoot) {
    chownSync(join(path, 'k1.key'), 0, 12_345);
    chownSync(join(path, 'primary'), 0, 12_346);
  }
  const folder = await read(path);
  t.match(addKey(folder, randomBytes(32), now), { name, isWritten: true });
  t.equal(setPrimary(folder, name), true);
  const of = (file: string) => {
    const { mode, gid } = statSync(join(path, file));
    return [mode & 0o777, isRoot ? gid : 0];
  };
  t.same(of(`${name}.key`), [0o640, isRoot ? 12_345 : 0]);
  t.same(of('primary'), [0o644, isRoot ? 12_346 : 0]);
  t.same(readdirSync(path).sort(), [`${name}.key`, 'k1.key', 'primary']);
  t.equal((await read(path)).primary, name);
});

t.test('a key replaces none, of a run at the same time either', async (t) => {
  const path = folderOf(t);
  const before = await read(path);
  const [mine, theirs] = [randomBytes(32), randomBytes(32)];
  t.equal(addKey(before, mine, now).name, name);
  t.equal(
    addKey(before, theirs, now).name,
    '2031-02-03-040507',
    'a run that read the folder before',
  );
  t.same(readFileSync(join(path, `${name}.key`)), mine);
  moveToRetired(await read(path), name);
  t.equal(addKey(await read(path), theirs, now).name, '2031-02-03-040508', 'nor a retired one');

  writeFileSync(join(path, `${name}.key`), theirs, { mode: 0o600 });
  const again = await read(path);
  t.throws(() => moveToRetired(again, name), /retired\/2031-02-03-040506\.key is another key/);
  t.same(readFileSync(join(path, 'retired', `${name}.key`)), mine);
  linkSync(join(path, 'k1.key'), join(path, 'retired', 'k1.key'));
  t.equal(moveToRetired(again, 'k1'), true, 'a move that was interrupted goes on');
  t.notOk(existsSync(join(path, 'k1.key')));
});

t.test('what a killed run left is deleted, and what a running one writes is not', async (t) => {
  const path = folderOf(t);
  const left = ['.a.key.new', '.b.key.0123456789ab.new'];
  for (const file of left) writeFileSync(join(path, file), 'key', { mode: 0o600 });
  utimesSync(join(path, '.a.key.new'), now, new Date(now.getTime() - 61_000));
  utimesSync(join(path, '.b.key.0123456789ab.new'), now, new Date(now.getTime() - 59_000));
  addKey(await read(path), randomBytes(32), now);
  t.same(
    readdirSync(path).filter((file) => file.startsWith('.')),
    ['.b.key.0123456789ab.new'],
  );
});

t.test('a key that cannot be put in its place leaves no file', async (t) => {
  const path = folderOf(t);
  const folder = await read(path);
  t.throws(() => addKey({ ...folder, primary: 'gone' }, randomBytes(32), now), /ENOENT/);
  t.same(readdirSync(path).sort(), ['k1.key', 'primary']);
});

t.test('root follows no link out of the folder', async (t) => {
  const path = folderOf(t);
  const elsewhere = join(path, '..', 'elsewhere');
  mkdirSync(elsewhere);
  if (isRoot) {
    chownSync(elsewhere, 12_345, 12_345);
  }
  symlinkSync(elsewhere, join(path, 'retired'));
  const before = statSync(elsewhere);
  const folder = await read(path);
  t.throws(() => moveToRetired(folder, 'k1'), /retired is not a folder/);
  t.same([statSync(elsewhere).uid, readdirSync(elsewhere)], [before.uid, []]);
  t.ok(existsSync(join(path, 'k1.key')));
});
