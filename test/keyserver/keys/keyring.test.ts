import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { openSecret, sealSecret } from '../../../keyserver/at-rest/secret.ts';
import { Keyring, loadKeyring } from '../../../keyserver/keys/keyring.ts';
import { legacyKeyOf } from '../../../keyserver/keys/legacy-key.ts';
import { writeKeyFolder } from '../../support/key-folders.ts';
import { faultsOf } from './faults.ts';

const context = { clientId: 'c', tokenType: 't' };
const secret = { fields: { token: 'x' } };

t.test('seals with the primary key, opens with every key', async (t) => {
  const files = { 'old.key': randomBytes(32), 'new.key': randomBytes(32) };
  const folder = join(t.testdir({}), 'ring');
  const before = loadKeyring(writeKeyFolder(folder, files, 'old'));
  const after = loadKeyring(writeKeyFolder(folder, {}, 'new'));
  const oldRow = sealSecret(before, context, secret);
  const newRow = sealSecret(after, context, secret);
  t.match(oldRow.token, /^skt1\.old\./);
  t.match(newRow.token, /^skt1\.new\./);
  for (const row of [oldRow, newRow]) {
    t.same(openSecret(after, row), secret);
    t.same(openSecret(before, row), secret);
  }
});

t.test('a key that left the keyring opens nothing', async (t) => {
  const masters = new Map([
    ['a', randomBytes(32)],
    ['b', randomBytes(32)],
  ]);
  const row = sealSecret(new Keyring('a', masters), context, secret);
  masters.delete('a');
  t.throws(() => openSecret(new Keyring('b', masters), row), { name: 'OpenError' });
});

t.test(
  'a key that left the folder opens rows until the process ends, and no tickets',
  async (t) => {
    const [a, b] = [randomBytes(32), randomBytes(32)];
    const keyring = new Keyring('a', new Map([['a', a]]));
    const row = sealSecret(keyring, context, secret);
    const missing: unknown[] = [];
    keyring.whenMissing((...one) => missing.push(one));
    keyring.take(new Keyring('b', new Map([['b', b]])));
    t.same([keyring.kids, keyring.has('a'), keyring.idOf('a')], [['b'], false, undefined]);
    t.same(openSecret(keyring, row), secret);
    t.ok(keyring.lookup('documents')('a'));
    t.equal(keyring.lookup('tickets')('a'), undefined);
    t.equal(keyring.lookup('rows')('c'), undefined);
    t.same(missing, [
      ['a', 'rows', true],
      ['a', 'documents', true],
      ['a', 'tickets', false],
      ['c', 'rows', false],
    ]);
    const other = randomBytes(32);
    keyring.take(new Keyring('a', new Map([['a', other]])));
    t.throws(() => openSecret(keyring, row), { name: 'OpenError' }, 'a file that is there counts');
  },
);

t.test('an id tells keys of one name apart, and shows nothing of them', async (t) => {
  const master = randomBytes(32);
  const idOf = (bytes: Uint8Array, name = 'a') =>
    new Keyring(name, new Map([[name, bytes]])).idOf(name) ?? '';
  t.match(idOf(master), /^a\.[A-Za-z0-9_-]{12}$/);
  t.equal(idOf(master), idOf(master));
  const values = [idOf(master), idOf(randomBytes(32)), idOf(master, 'b')];
  t.equal(new Set(values.map((id) => id.slice(2))).size, 3);
});

t.test('rows, documents and tickets have keys of their own', async (t) => {
  const keyring = new Keyring('a', new Map([['a', randomBytes(32)]]));
  const exported = (['rows', 'documents', 'tickets'] as const).map((purpose) =>
    keyring.primary(purpose).export().toString('hex'),
  );
  t.equal(new Set(exported).size, 3);
});

t.test('refuses keys of another length, all named at once', async (t) => {
  const folder = writeKeyFolder(join(t.testdir({}), 'ring'), {
    'good.key': randomBytes(32),
    'short.key': randomBytes(31),
    'hex.key': randomBytes(32).toString('hex'),
    'empty.key': '',
  });
  const faults = await faultsOf(() => loadKeyring(folder));
  t.same([...faults].sort(), [
    `${join(folder, 'empty.key')} has 0 bytes: an at-rest key has 32`,
    `${join(folder, 'hex.key')} has 64 bytes: an at-rest key has 32`,
    `${join(folder, 'short.key')} has 31 bytes: an at-rest key has 32`,
  ]);
});

t.test('shows no key when it is printed', async (t) => {
  const master = randomBytes(32);
  const keyring = new Keyring('a', new Map([['a', master]]));
  const { inspect } = await import('node:util');
  for (const shown of [inspect(keyring, { depth: 9, showHidden: true }), JSON.stringify(keyring)]) {
    t.notMatch(shown, master.toString('hex'));
    t.notMatch(shown, /Buffer|Uint8Array/);
  }
});

t.test('the earlier system’s key has 32 bytes and its iv 16, both named at once', async (t) => {
  const folder = writeKeyFolder(join(t.testdir({}), 'legacy'), {
    'key.bin': randomBytes(32),
    'iv.bin': randomBytes(16),
    'short.bin': randomBytes(15),
  });
  const [key, iv, short] = ['key.bin', 'iv.bin', 'short.bin'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  t.equal(legacyKeyOf({ AES_KEY_FILE: key, AES_IV_FILE: iv })?.key.length, 32);
  t.same(await faultsOf(() => legacyKeyOf({ AES_KEY_FILE: iv, AES_IV_FILE: short })), [
    `AES_KEY_FILE: ${iv} has 16 bytes: it must have 32`,
    `AES_IV_FILE: ${short} has 15 bytes: it must have 16`,
  ]);
});
