import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import t from 'tap';
import { OpenError } from '../../../shared/crypto/open-error.ts';
import {
  createUnwrapper,
  importPublicKey,
  isUsableRsaKey,
  publicKeyId,
  wrapKey,
} from '../../../shared/crypto/rsa-oaep.ts';
import { traits } from './refusal.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const unwrap = await createUnwrapper(privateKey, 2);

/** RSA-OAEP by Node itself, with whatever it is given. */
const oaep = (message: Uint8Array, options: object): Buffer =>
  publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, ...options }, message);

t.test('what was wrapped unwraps to the same bytes, many at once', async (t) => {
  const keys = Array.from({ length: 20 }, () => randomBytes(32));
  const unwrapped = await Promise.all(keys.map((key) => unwrap(wrapKey(publicKey, key))));
  t.strictSame(
    unwrapped.map((key) => Buffer.from(key)),
    keys,
  );
});

t.test('wrapping one key twice gives two different texts of the modulus’s length', async (t) => {
  const key = randomBytes(32);
  const [first, second] = [wrapKey(publicKey, key), wrapKey(publicKey, key)];
  t.equal(first.length, 256);
  t.equal(publicKeyId(publicKey).length, 43, 'a key id');
  t.notSame(first, second);
});

t.test('the wrapping is RSA-OAEP with SHA-256 as WebCrypto has it', async (t) => {
  const key = randomBytes(32);
  t.strictSame(Buffer.from(await unwrap(oaep(key, { oaepHash: 'sha256' }))), key);
});

t.test('every fault is one and the same error, without a cause', async (t) => {
  const key = randomBytes(32);
  const right = wrapKey(publicKey, key);
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  const faults: Record<string, Uint8Array> = {
    'Node’s default hash, SHA-1': oaep(key, {}),
    'SHA-512': oaep(key, { oaepHash: 'sha512' }),
    'a label': oaep(key, { oaepHash: 'sha256', oaepLabel: Buffer.from('label') }),
    'PKCS#1 v1.5': publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, key),
    'a key of 31 bytes': wrapKey(publicKey, key.subarray(1)),
    'a key of 33 bytes': wrapKey(publicKey, randomBytes(33)),
    'no key': wrapKey(publicKey, new Uint8Array()),
    'another public key': wrapKey(other, key),
    'one byte less': right.subarray(1),
    'one byte more': Buffer.concat([right, Buffer.alloc(1)]),
    'a zero in front': Buffer.concat([Buffer.alloc(1), right]),
    'more than the modulus': Buffer.alloc(256, 0xff),
    zero: Buffer.alloc(256),
    nothing: Buffer.alloc(0),
  };
  for (const [name, wrapped] of Object.entries(faults)) {
    const error = await unwrap(wrapped).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    t.ok(error instanceof OpenError, name);
    t.strictSame(traits(error), traits(new OpenError()), name);
    t.notOk(Object.hasOwn(Object(error), 'cause'), name);
  }
});

t.test('a cut-off leading zero is not made up for', async (t) => {
  let wrapped: Buffer;
  do wrapped = wrapKey(publicKey, new Uint8Array(32));
  while (wrapped[0] !== 0);
  await t.resolves(unwrap(wrapped));
  await t.rejects(unwrap(wrapped.subarray(1)), OpenError);
});

t.test('the key id is base64url of SHA-256 over the SPKI DER', async (t) => {
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const der = Buffer.from(pem.replace(/-----[A-Z ]+-----|\n/g, ''), 'base64');
  const expected = createHash('sha256').update(der).digest('base64url');
  t.equal(publicKeyId(publicKey), expected);
  t.equal(publicKeyId(importPublicKey(pem)), expected);
});

t.test('imports RSA public keys of 2048 bits or more from SPKI, and nothing else', async (t) => {
  const spki = { type: 'spki', format: 'pem' } as const;
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey;
  const refused = {
    'an RSA key of 1024 bits': small.export(spki),
    'an EC key': ec.export(spki),
    'an RSA-PSS key': pss.export(spki),
    'a private key': privateKey.export({ type: 'pkcs8', format: 'pem' }),
    'PKCS#1': publicKey.export({ type: 'pkcs1', format: 'pem' }),
    'a broken PEM': publicKey.export(spki).slice(0, 200),
    'no PEM': 'example',
    nothing: '',
  };
  for (const [name, pem] of Object.entries(refused)) {
    t.throws(() => importPublicKey(String(pem)), OpenError, name);
  }
  t.ok(isUsableRsaKey(importPublicKey(String(publicKey.export(spki)))));
  t.notOk(isUsableRsaKey(small));
  t.notOk(isUsableRsaKey(ec));
});

t.test('takes RSA keys of 2048 to 8192 bits', async (t) => {
  const ofBits = (bits: number) => {
    // No product of primes, which nobody asks of a public key.
    const n = ((1n << BigInt(bits)) - 1n).toString(16);
    const modulus = Buffer.from(n.padStart(n.length + (n.length % 2), '0'), 'hex');
    const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' };
    return createPublicKey({ key: jwk, format: 'jwk' });
  };
  for (const bits of [2048, 8192]) t.equal(isUsableRsaKey(ofBits(bits)), true, String(bits));
  for (const bits of [2047, 8193]) t.equal(isUsableRsaKey(ofBits(bits)), false, String(bits));
});
