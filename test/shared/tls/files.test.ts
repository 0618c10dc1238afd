import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  checkTlsMaterial,
  examineTlsFiles,
  expiryOf,
  readTlsFiles,
  type TlsFiles,
} from '../../../shared/tls/files.ts';
import { faultsOf } from '../../keyserver/keys/faults.ts';
import { createAuthority, days } from '../../support/certificates.ts';
import { writeIdentity } from '../../support/identity-files.ts';

const authority = await createAuthority();
const identity = await authority.issue();
const load = (files: TlsFiles) => {
  const material = readTlsFiles(files);
  checkTlsMaterial(material, files);
  return material;
};
const faultsOfFiles = (files: TlsFiles) => examineTlsFiles(files).faults;
const write = (t: Test) => writeIdentity(t.testdir({}), identity, authority.ca);

t.test('reads what is named, and nothing else', async (t) => {
  const files = write(t);
  t.same(load(files), { ...identity, ca: authority.ca });
  t.same(load({ ...files, ca: undefined }), identity);
  t.same(load({ cert: undefined, key: undefined, ca: files.ca }), { ca: authority.ca });
});

t.test('takes a chain, and a CA file of several', async (t) => {
  const files = write(t);
  const other = await createAuthority();
  writeFileSync(files.cert, `${identity.cert}\n${authority.ca}`);
  writeFileSync(files.ca, `two of them:\n${authority.ca}\n${other.ca}`);
  t.same(await faultsOf(() => load(files)), []);
});

t.test('refuses a key that is not the certificate’s', async (t) => {
  const files = write(t);
  writeFileSync(files.key, (await authority.issue()).key);
  t.same(await faultsOf(() => load(files)), [
    `${files.key} is not the key of the certificate in ${files.cert}`,
  ]);
});

t.test('refuses a key that others can read', async (t) => {
  const files = write(t);
  chmodSync(files.key, 0o644);
  t.same(await faultsOf(() => load(files)), [
    `${files.key} can be read by others: run chmod o-rwx on it`,
  ]);
});

t.test('refuses what is missing, cut short or something else, without showing it', async (t) => {
  const files = write(t);
  const cases: ['cert' | 'key' | 'ca', string | Buffer, RegExp][] = [
    ['cert', '', /tls\.crt holds no certificate$/],
    ['cert', identity.cert.slice(0, 200), /tls\.crt holds no certificate$/],
    ['cert', identity.key, /tls\.crt holds no certificate$/],
    ['cert', `${identity.cert}\n${authority.ca.slice(0, 200)}`, /tls\.crt cannot be used for TLS$/],
    ['key', '', /tls\.key is not an unencrypted private key/],
    ['key', identity.key.slice(0, 100), /tls\.key is not an unencrypted private key/],
    ['key', identity.cert, /tls\.key is not an unencrypted private key/],
    ['key', encryptedKey(), /tls\.key is not an unencrypted private key$/],
    ['ca', '', /ca\.crt holds no certificate$/],
    ['ca', authority.ca + authority.ca.slice(0, 200), /^a certificate in .*ca\.crt is truncated$/],
    ['ca', identity.key, /ca\.crt holds no certificate$/],
    ['ca', authority.ca.replace(/[A-Z]{3}/g, 'AAA'), /ca\.crt holds no certificate$/],
  ];
  for (const [kind, content, fault] of cases) {
    writeIdentity(t.testdirName, identity, authority.ca);
    writeFileSync(files[kind], content);
    const faults = await faultsOf(() => load(files));
    t.match(faults, [fault], `${kind}: ${String(content).slice(0, 40)}`);
    t.equal(faults.length, 1);
  }
  const missing = join(t.testdirName, 'none.pem');
  for (const kind of ['cert', 'key', 'ca'] as const) {
    t.same(await faultsOf(() => load({ ...files, [kind]: missing })), [
      `cannot read ${missing} (ENOENT)`,
    ]);
  }
});

t.test('lists the faults of all files, also of those beside one that cannot be read', async (t) => {
  const files = write(t);
  t.same(faultsOfFiles(files), []);
  const missing = join(t.testdirName, 'none.pem');
  writeFileSync(files.cert, 'x');
  writeFileSync(files.key, 'x');
  t.same(faultsOfFiles({ ...files, ca: missing }), [
    `cannot read ${missing} (ENOENT)`,
    `${files.cert} holds no certificate`,
    `${files.key} is not an unencrypted private key`,
  ]);
  t.same(faultsOfFiles({ cert: undefined, key: undefined, ca: undefined }), []);
});

function encryptedKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'made-up' })
    .toString();
}

t.test('knows when a certificate ends', async (t) => {
  const notAfter = days(3);
  const { cert } = await authority.issue({ notAfter });
  t.equal(expiryOf({ cert })?.slice(0, 19), notAfter.toISOString().slice(0, 19));
  t.equal(expiryOf({ ca: authority.ca }), undefined);
});
