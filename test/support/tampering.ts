import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { importKey } from '../../shared/crypto/aead.ts';
import type { Answer, ClientSession } from './exchange-client.ts';

/** Flips a bit of the byte at `at`, which counts from the end if it is negative. */
export function flip(base64: string, at: number): string {
  const bytes = Buffer.from(base64, 'base64');
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return bytes.toString('base64');
}

/** Cuts bytes off the end. */
export function cut(base64: string, bytes: number): string {
  return Buffer.from(base64, 'base64').subarray(0, -bytes).toString('base64');
}

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };

/** A session whose key was wrapped with other options than the protocol's, or has another length. */
export function wrappedBy(publicKeyPem: string, options: object, bytes = 32): ClientSession {
  const raw = randomBytes(bytes);
  const wrapped = publicEncrypt({ ...oaep, ...options, key: createPublicKey(publicKeyPem) }, raw);
  return {
    key: importKey(Buffer.concat([raw, Buffer.alloc(32)]).subarray(0, 32)),
    named: { sessionKey: wrapped.toString('base64') },
  };
}

/** The visible parts of an answer without those that differ from request to request. */
export function visible({ status, headers, text }: Answer) {
  const seen = [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id');
  return { status, headers: seen, text: text.replace(/(?<="requestId":")[^"]+/, '') };
}
