import { constants } from 'node:crypto';
import { importKey } from '../../../shared/crypto/aead.ts';
import { requestAad, responseAad, sealText } from '../../../shared/crypto/exchange.ts';
import { newNonce, newSession } from '../../../test/support/exchange-client.ts';
import { rsaPem } from '../../../test/support/key-folders.ts';
import { cut, flip, wrappedBy } from '../../../test/support/tampering.ts';
import { credentialOf, type Fault, type Given } from '../../scene/keyserver.ts';

const pkcs1 = { padding: constants.RSA_PKCS1_PADDING };

/** The request by a session whose key was wrapped in another way. */
const wrapped =
  (options: object, bytes?: number): Fault =>
  ({ ask, publicKeyPem }) =>
    ask({}, wrappedBy(publicKeyPem, options, bytes));

/** The request with its wrapped key changed on the way. */
const rewrapped =
  (change: (bytes: Buffer) => Buffer): Fault =>
  ({ request }) => ({
    ...request,
    sessionKey: change(Buffer.from(request.sessionKey, 'base64')).toString('base64'),
  });

const withKeyId =
  (keyId: string): Fault =>
  ({ request }) => ({ ...request, keyId });

/** Wrapped keys that are none, by what is wrong. */
export const sessionKeyFaults: Readonly<Record<string, Fault>> = {
  'wrapped with the padding of PKCS#1 v1.5': wrapped(pkcs1),
  'wrapped by OAEP with SHA-1': wrapped({ oaepHash: 'sha1' }),
  'wrapped by OAEP with SHA-512': wrapped({ oaepHash: 'sha512' }),
  'wrapped by OAEP with a label': wrapped({ oaepLabel: Buffer.from('x') }),
  'of no byte': wrapped({}, 0),
  'of 16 bytes': wrapped({}, 16),
  'of 31 bytes': wrapped({}, 31),
  'of 33 bytes': wrapped({}, 33),
  'wrapped for a key of 2048 bits': ({ ask }) => ask({}, newSession(rsaPem())),
  'with a flipped bit': ({ request }) => ({ ...request, sessionKey: flip(request.sessionKey, 9) }),
  'a byte too short': rewrapped((bytes) => bytes.subarray(1)),
  'with a zero in front': rewrapped((bytes) => Buffer.concat([Buffer.of(0), bytes])),
  'that is all zeros': rewrapped((bytes) => Buffer.alloc(bytes.length)),
  'that is greater than the modulus': rewrapped((bytes) => Buffer.alloc(bytes.length, 0xff)),
  'that is empty': rewrapped(() => Buffer.of()),
  'in base64 with a line break': ({ request }) => ({
    ...request,
    sessionKey: `${request.sessionKey}\n`,
  }),
  'for an unknown keyId': withKeyId('x'.repeat(43)),
  'for an empty keyId': withKeyId(''),
  'for a keyId that objects have': withKeyId('__proto__'),
};

/** The request with its credential changed on the way. */
const altered =
  (change: (credential: string, given: Given) => string): Fault =>
  (given) => ({ ...given.request, credential: change(given.request.credential, given) });

/** The request with other members around the same credential. */
const around =
  (change: (given: Given) => object): Fault =>
  (given) => ({ ...given.request, ...change(given) });

const bytesOf = (base64: string) => Buffer.from(base64, 'base64');

/** Credentials that do not belong to their request, or are none. */
export const credentialFaults: Readonly<Record<string, Fault>> = {
  ...Object.fromEntries(
    [15, 12, 8, 4, 0].map((bytes) => [
      `with a tag of ${bytes} bytes`,
      altered((credential) => cut(credential, 16 - bytes)),
    ]),
  ),
  // 4 bytes are the shortest tag that Node opens unless told otherwise.
  'of an iv and a tag of 4 bytes alone': altered(() => Buffer.alloc(16).toString('base64')),
  'with a tag of zeros': altered((credential) =>
    Buffer.concat([bytesOf(credential).subarray(0, -16), Buffer.alloc(16)]).toString('base64'),
  ),
  ...Object.fromEntries(
    Object.entries({ iv: 0, 'first byte': 12, 'last byte': -17, tag: -16, "tag's end": -1 }).map(
      ([part, at]) => [
        `with a flipped bit in its ${part}`,
        altered((credential) => flip(credential, at)),
      ],
    ),
  ),
  'with the iv of another': altered((credential, { ask }) =>
    Buffer.concat([
      bytesOf(ask().credential).subarray(0, 12),
      bytesOf(credential).subarray(12),
    ]).toString('base64'),
  ),
  'with a byte behind': altered((credential) =>
    Buffer.concat([bytesOf(credential), Buffer.of(0)]).toString('base64'),
  ),
  'of one byte': altered(() => 'AA=='),
  'that is empty': altered(() => ''),
  'in base64 with a line break': altered((credential) => `${credential}\n`),
  'in the clear': altered((_credential, { scene }) =>
    Buffer.from(JSON.stringify(credentialOf(scene))).toString('base64'),
  ),
  'of another request': altered((_credential, { ask }) => ask().credential),
  'sealed under a key of zeros': altered((_credential, { scene, request }) =>
    sealText(importKey(Buffer.alloc(32)), JSON.stringify(credentialOf(scene)), requestAad(request)),
  ),
  'sealed as an answer is': altered((_credential, { scene, session, request }) =>
    sealText(session.key, JSON.stringify(credentialOf(scene)), responseAad(request)),
  ),
  'sealed for another client': around(() => ({ clientId: 'shop-2' })),
  'sealed for another type': around(() => ({ tokenType: 'query' })),
  'whose client and type are exchanged': around(({ request: { clientId, tokenType } }) => ({
    clientId: tokenType,
    tokenType: clientId,
  })),
  'whose client lost a letter to the type': around(({ request: { clientId, tokenType } }) => ({
    clientId: clientId.slice(0, -1),
    tokenType: clientId.slice(-1) + tokenType,
  })),
  'of another nonce': around(() => ({ nonce: newNonce() })),
  'of another timestamp': around(({ request }) => ({ timestamp: request.timestamp - 1 })),
  'of another session': around(({ publicKeyPem }) => newSession(publicKeyPem).named),
};
