import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  generateKeyring,
  generateRsaKey,
  isKeyFolderEmpty,
} from '../../../keyserver/keys/generate.ts';
import { loadKeyring } from '../../../keyserver/keys/keyring.ts';
import { loadRsaKeys } from '../../../keyserver/keys/rsa-keys.ts';

const day = new Date('2026-03-04T23:59:59Z');
const mode = (path: string) => statSync(path).mode & 0o777;

t.test('makes a keyring that loads, readable by its owner alone', async (t) => {
  const folder = join(t.testdir({}), 'deep', 'ring');
  t.ok(isKeyFolderEmpty(folder));
  generateKeyring(folder, day);
  t.notOk(isKeyFolderEmpty(folder));
  t.same(readdirSync(folder).sort(), ['2026-03-04.key', 'primary']);
  t.equal(mode(folder), 0o700);
  for (const name of readdirSync(folder)) t.equal(mode(join(folder, name)), 0o600, name);
  t.equal(loadKeyring(folder).primaryKid, '2026-03-04');
});

t.test('makes an RSA key of 3072 bits, readable by its owner alone', async (t) => {
  const folder = join(t.testdir({}), 'rsa');
  await generateRsaKey(folder, day);
  const file = join(folder, '2026-03-04.pem');
  t.equal(mode(file), 0o600);
  t.equal(createPrivateKey(readFileSync(file)).asymmetricKeyDetails?.modulusLength, 3072);
  t.match((await loadRsaKeys(folder)).primary.keyId, /^[\w-]{43}$/);
});

t.test('a key that cannot be written whole leaves nothing behind', async (t) => {
  const folder = t.testdir({ primary: {} });
  t.throws(() => generateKeyring(folder, day), { name: 'ConfigError', message: /\(EEXIST\)/ });
  await t.rejects(generateRsaKey(folder, day), { name: 'ConfigError' });
  t.same(readdirSync(folder), ['primary']);
  // As one that another process has just made.
  writeFileSync(join(folder, '2026-03-04.key'), 'x');
  t.throws(() => generateKeyring(folder, day), { name: 'ConfigError' });
  t.same(readdirSync(folder).sort(), ['2026-03-04.key', 'primary']);
});

t.test('two keyrings made at once differ', async (t) => {
  const folder = t.testdir({});
  const [a, b] = ['a', 'b'].map((name) => {
    generateKeyring(join(folder, name), day);
    return readFileSync(join(folder, name, '2026-03-04.key'), 'hex');
  });
  t.not(a, b);
});

t.test(
  'never writes over a key, nor takes a folder for empty that lost its `primary`',
  async (t) => {
    for (const name of ['2026-03-04.key', '2025-01-01.key', 'x.pem', 'primary']) {
      const folder = t.testdir({ [name]: 'kept' });
      t.notOk(isKeyFolderEmpty(folder), name);
    }
    const folder = t.testdir({ '2026-03-04.key': 'kept' });
    t.throws(() => generateKeyring(folder, day), { name: 'ConfigError', message: /EEXIST/ });
    t.equal(readFileSync(join(folder, '2026-03-04.key'), 'utf8'), 'kept');
    t.ok(isKeyFolderEmpty(t.testdir({ 'lost+found': {}, '.gitkeep': '' })));
  },
);

t.test('does not take a folder for empty that it cannot read', async (t) => {
  const folder = join(t.testdir({ file: '' }), 'file', 'ring');
  t.throws(() => isKeyFolderEmpty(folder), { name: 'ConfigError', message: /ENOTDIR/ });
});

t.test('says where it cannot write', async (t) => {
  const folder = join(t.testdir({ file: '' }), 'file', 'ring');
  t.throws(() => generateKeyring(folder, day), { name: 'ConfigError', message: /ENOTDIR/ });
  await t.rejects(generateRsaKey(folder, day), { name: 'ConfigError' });
});
