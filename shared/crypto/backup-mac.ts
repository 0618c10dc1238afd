import { createHash, createHmac, type Hash, type KeyObject } from 'node:crypto';
import { checkMac } from './document-mac.ts';

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
    checkMac(this.#digest(), mac);
  }

  #digest(): Buffer {
    return createHmac('sha256', this.#key).update(this.#hash.copy().digest()).digest();
  }
}
