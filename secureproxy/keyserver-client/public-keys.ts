import type { KeyObject } from 'node:crypto';
import { importPublicKey, publicKeyId } from '../../shared/crypto/key-wrap.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { PublicKeyAnswer } from '../../shared/protocol/messages.ts';

export interface PublicKey {
  readonly key: KeyObject;
  readonly keyId: string;
}

/** Fetches `/public_key`. */
export type FetchPublicKey = () => Promise<PublicKeyAnswer>;

/** KeyServer's public key: fetched once, kept until it is dropped, checked against the pins. */
export class PublicKeys {
  readonly #fetch: FetchPublicKey;
  readonly #pins: ReadonlySet<string>;
  #current: Promise<PublicKey> | undefined;
  #fetched: PublicKey | undefined;
  #taken = false;

  /** @param pins the only key ids that are taken; empty: any */
  constructor(fetch: FetchPublicKey, pins: ReadonlySet<string>) {
    this.#fetch = fetch;
    this.#pins = pins;
  }

  /** True once a key came and was not refused. */
  get taken(): boolean {
    return this.#taken;
  }

  /** One fetch however many ask at once. @throws ServiceError keyserver_unavailable */
  get(): Promise<PublicKey> {
    if (this.#current === undefined) {
      const fetched = this.#load();
      this.#current = fetched;
      fetched.catch(() => {
        if (this.#current === fetched) this.#current = undefined;
      });
    }
    return this.#current;
  }

  /** Forgets this key, so that the next `get` fetches it. False where it was forgotten already. */
  drop(key: PublicKey): boolean {
    if (this.#fetched !== key) return false;
    this.#fetched = undefined;
    this.#current = undefined;
    return true;
  }

  async #load(): Promise<PublicKey> {
    const answer = await this.#fetch();
    let key: KeyObject;
    try {
      key = importPublicKey(answer.public_key);
    } catch {
      throw refused('public_key_unusable', 'KeyServer published no usable RSA key.');
    }
    // Worked out, not believed: the pin is on the key, not on what it is said to be.
    const keyId = publicKeyId(key);
    if (this.#pins.size > 0 && !this.#pins.has(keyId)) {
      throw refused('public_key_not_pinned', 'KeyServer published a key that is not pinned.');
    }
    this.#taken = true;
    this.#fetched = { key, keyId };
    return this.#fetched;
  }
}

function refused(reason: string, detail: string): ServiceError {
  return new ServiceError('keyserver_unavailable', { reason, detail });
}
