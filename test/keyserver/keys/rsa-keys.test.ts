import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadRsaKeys } from '../../../keyserver/keys/rsa-keys.ts';
import { publicKeyId, wrapKey } from '../../../shared/crypto/rsa-oaep.ts';
import { rsaPem, writeKeyFolder } from '../../support/key-folders.ts';
import { faultsOf } from './faults.ts';

const pem = rsaPem();

async function faultsWith(t: Test, file: string | Uint8Array) {
  const folder = writeKeyFolder(join(t.testdir({}), 'rsa'), { 'good.pem': pem, 'x.pem': file });
  return { faults: await faultsOf(() => loadRsaKeys(folder)), file: join(folder, 'x.pem') };
}

t.test('publishes the primary key, not the newest', async (t) => {
  const files = { '2026.pem': rsaPem(), '2027.pem': rsaPem() };
  const folder = writeKeyFolder(join(t.testdir({}), 'rsa'), files, '2026');
  utimesSync(join(folder, '2026.pem'), 1, 1);
  const { primary } = await loadRsaKeys(folder);
  const publicKey = createPublicKey(createPrivateKey(files['2026.pem']));
  t.equal(primary.keyId, publicKeyId(publicKey));
  t.equal(primary.publicKeyPem, publicKey.export({ type: 'spki', format: 'pem' }));
  t.match(primary.publicKeyPem, /^-----BEGIN PUBLIC KEY-----\n/);
});

t.test('unwraps with the key that is named, or the primary', async (t) => {
  const files = { 'a.pem': rsaPem(), 'b.pem': rsaPem() };
  const rsaKeys = await loadRsaKeys(writeKeyFolder(join(t.testdir({}), 'rsa'), files, 'a'));
  const raw = randomBytes(32);
  for (const [name, isPrimary] of [
    ['a.pem', true],
    ['b.pem', false],
  ] as const) {
    const publicKey = createPublicKey(files[name]);
    const wrapped = wrapKey(publicKey, raw);
    const unwrapper = rsaKeys.unwrapper(publicKeyId(publicKey));
    t.same(await unwrapper?.(wrapped), new Uint8Array(raw));
    const byPrimary = async () => rsaKeys.unwrapper(undefined)?.(wrapped);
    if (isPrimary) t.same(await byPrimary(), new Uint8Array(raw));
    else await t.rejects(byPrimary, { name: 'OpenError' });
  }
  t.equal(rsaKeys.unwrapper('unknown'), undefined);
});

t.test('refuses what is no private key in PEM', async (t) => {
  const publicPem = createPublicKey(pem).export({ type: 'spki', format: 'pem' }) as string;
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  const locked = createPrivateKey(pem).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'test',
  });
  for (const [title, content] of [
    ['nothing', ''],
    ['a public key', publicPem],
    ['DER', der],
    ['text', 'not a key'],
    ['cut short', pem.slice(0, 400)],
    ['locked by a passphrase', locked],
  ] as const) {
    const { faults, file } = await faultsWith(t, content);
    t.same(faults, [`RSA_KEY_DIR: ${file} is not a private key in PEM`], title);
  }
});

t.test('refuses keys that are too small or of another kind', async (t) => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const ed = generateKeyPairSync('ed25519').privateKey;
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey;
  for (const [title, content] of [
    ['RSA of 1024 bits', rsaPem(1024)],
    ['EC', ec.export({ type: 'pkcs8', format: 'pem' }) as string],
    ['Ed25519', ed.export({ type: 'pkcs8', format: 'pem' }) as string],
    ['RSA-PSS', pss.export({ type: 'pkcs8', format: 'pem' }) as string],
  ] as const) {
    const { faults, file } = await faultsWith(t, content);
    t.same(faults, [`RSA_KEY_DIR: ${file} is not an RSA key of 2048 bits or more`], title);
  }
});
