/** docs/protocol.md §3 to §5: the public key, the wrapped session key, the request and its answer. */
import {
  type Bytes,
  base64,
  base64url,
  check,
  fromBase64,
  fromUtf8,
  Refused,
  utf8,
} from './bytes.ts';
import { open, pae, seal } from './sealing.ts';

const rsaOaep256 = { name: 'RSA-OAEP', hash: 'SHA-256' };
const sessionKeyBytes = 32;

export type Key = Awaited<ReturnType<typeof importPrivateKey>>;

/** Values bound by the AADs; `nonce` and `timestamp` are absent in a bare request. */
export interface Context {
  readonly clientId: string;
  readonly tokenType: string;
  readonly timestamp?: number;
  readonly nonce?: string;
}

/** The key and the `keyId` computed from it. @throws Refused */
export async function readPublicKey(pem: string): Promise<{ key: Key; keyId: string }> {
  const body = /^-----BEGIN PUBLIC KEY-----([^-]*)-----END PUBLIC KEY-----\s*$/.exec(pem)?.[1];
  check(body !== undefined, 'no public key in PEM');
  const spki = fromBase64(body.replace(/\s/g, ''));
  const key = await crypto.subtle.importKey('spki', spki, rsaOaep256, true, ['encrypt']);
  const bits = modulusBytes(key) * 8;
  check(bits >= 2048 && bits <= 8192, 'an RSA key has 2048 to 8192 bits');
  return { key, keyId: base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', spki))) };
}

export function importPrivateKey(jwk: object) {
  return crypto.subtle.importKey('jwk', jwk, rsaOaep256, false, ['decrypt']);
}

function modulusBytes(key: Key): number {
  const bits = 'modulusLength' in key.algorithm ? Number(key.algorithm.modulusLength) : 0;
  return Math.ceil(bits / 8);
}

export function makeSessionKey(): Bytes {
  return crypto.getRandomValues(new Uint8Array(sessionKeyBytes));
}

/** In base64, for `sessionKey`. */
export async function wrapSessionKey(publicKey: Key, sessionKey: Bytes): Promise<string> {
  return base64(
    new Uint8Array(await crypto.subtle.encrypt({ name: 'RSA-OAEP' }, publicKey, sessionKey)),
  );
}

/** @throws Refused */
export async function unwrapSessionKey(privateKey: Key, sessionKey: string): Promise<Bytes> {
  const wrapped = fromBase64(sessionKey);
  check(wrapped.length === modulusBytes(privateKey), 'not as long as the modulus');
  const unwrapped = await crypto.subtle
    .decrypt({ name: 'RSA-OAEP' }, privateKey, wrapped)
    .catch(() => {
      throw new Refused('does not unwrap');
    });
  check(unwrapped.byteLength === sessionKeyBytes, 'a session key has 32 bytes');
  return new Uint8Array(unwrapped);
}

export function requestAad({ clientId, tokenType, timestamp, nonce }: Context): Bytes {
  check(timestamp !== undefined && nonce !== undefined, 'a credential needs timestamp and nonce');
  return pae('skx1', 'request', clientId, tokenType, String(timestamp), nonce);
}

export function responseAad({ clientId, tokenType, nonce = '' }: Context): Bytes {
  return pae('skx1', 'response', clientId, tokenType, nonce);
}

/** §5, Changes. */
export function changesAads({ timestamp, nonce }: Required<Pick<Context, 'timestamp' | 'nonce'>>) {
  return {
    request: pae('skx1', 'changes-request', String(timestamp), nonce),
    response: pae('skx1', 'changes-response', nonce),
  };
}

/** §5, Whoami. */
export function whoamiAads({ timestamp, nonce }: Required<Pick<Context, 'timestamp' | 'nonce'>>) {
  return {
    request: pae('skx1', 'whoami-request', String(timestamp), nonce),
    response: pae('skx1', 'whoami-response', nonce),
  };
}

/** Seals a JSON text under the session key, into base64: a `credential` or a `token`. */
export async function sealText(sessionKey: Bytes, aad: Bytes, text: string, iv?: Bytes) {
  return base64(await seal(sessionKey, aad, utf8(text), iv));
}

/** @throws Refused */
export async function openText(sessionKey: Bytes, aad: Bytes, sealed: string): Promise<string> {
  return fromUtf8(await open(sessionKey, aad, fromBase64(sealed)));
}
