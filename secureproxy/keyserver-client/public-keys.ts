import type { KeyObject } from 'node:crypto';
import { importPublicKey, publicKeyId } from '../../shared/crypto/rsa-oaep.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { PublicKeyAnswer } from '../../shared/protocol/messages.ts';

export interface PublicKey {
  readonly key: KeyObject;
  readonly keyId: string;
}

/** KeyServer's public key: fetched once, checked against the pins, cached until dropped. */
export class PublicKeys {
  readonly #fetch: () => Promise<PublicKeyAnswer>;
  readonly #pins: ReadonlySet<string>;
  #current: Promise<PublicKey> | undefined;
  #fetched: PublicKey | undefined;

  /** @param pins the only accepted key ids; empty: any */
  constructor(fetch: () => Promise<PublicKeyAnswer>, pins: ReadonlySet<string>) {
    this.#fetch = fetch;
    this.#pins = pins;
  }

  /** Concurrent calls share one fetch. @throws ServiceError keyserver_unavailable */
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

  /** Drops this key, so that the next `get` fetches again. False if it was dropped already. */
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
      throw rejected('public_key_unusable', 'KeyServer published no usable RSA key.');
    }
    // Computed here: a pin must hold for the key itself, not for the id that the answer claims.
    const keyId = publicKeyId(key);
    if (this.#pins.size > 0 && !this.#pins.has(keyId)) {
      throw rejected('public_key_not_pinned', 'KeyServer published a key that is not pinned.');
    }
    this.#fetched = { key, keyId };
    return this.#fetched;
  }
}

function rejected(reason: string, detail: string): ServiceError {
  return new ServiceError('keyserver_unavailable', { reason, detail });
}
