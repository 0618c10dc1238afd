import { createHash, createHmac, type Hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import { decodeBase64 } from './base64.ts';
import { OpenError } from './open-error.ts';

/**
 * The MAC of a backup's bytes so far: HMAC-SHA256 over their SHA-256, under a key of the purpose `backups`, base64url
 * (docs/protocol.md §6).
 */
export class BackupMac {
  readonly #key: KeyObject;
  readonly #hash: Hash = createHash('sha256');

  constructor(key: KeyObject) {
    this.#key = key;
  }

  update(bytes: Uint8Array | string): void {
    this.#hash.update(bytes);
  }

  /** Can be asked for more than once, as bytes come. */
  mac(): string {
    return this.#digest().toString('base64url');
  }

  /** @throws OpenError unless `mac` is that of the bytes so far */
  check(mac: string): void {
    const expected = this.#digest();
    const actual = decodeBase64(mac, 'base64url');
    if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) {
      throw new OpenError();
    }
  }

  #digest(): Buffer {
    return createHmac('sha256', this.#key).update(this.#hash.copy().digest()).digest();
  }
}
