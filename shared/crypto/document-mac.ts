import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { decodeBase64 } from './base64.ts';
import { OpenError } from './open-error.ts';
import { pae } from './pae.ts';

/** The input of a document's MAC; `body` is the stored JSON text, byte for byte. */
interface MacContext {
  readonly kid: string;
  readonly kind: string;
  readonly id: string;
  readonly revision: number;
  readonly body: string;
}

/** HMAC-SHA256 over `PAE("skd1", kid, kind, id, decimal revision, body)`, base64url (docs/protocol.md §6). */
export function documentMac(key: KeyObject, context: MacContext): string {
  return digest(key, context).toString('base64url');
}

/** @throws OpenError unless `mac` is the document's MAC */
export function checkDocumentMac(key: KeyObject, context: MacContext, mac: string): void {
  checkMac(digest(key, context), mac);
}

/** Compares in constant time. @throws OpenError unless `mac` is the base64url of `expected` */
export function checkMac(expected: Buffer, mac: string): void {
  const actual = decodeBase64(mac, 'base64url');
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) {
    throw new OpenError();
  }
}

function digest(key: KeyObject, { kid, kind, id, revision, body }: MacContext): Buffer {
  return createHmac('sha256', key)
    .update(pae('skd1', kid, kind, id, String(revision), body))
    .digest();
}
