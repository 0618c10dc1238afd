import { type KeyObject, randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { importKey, keyBytes } from '../../shared/crypto/aead.ts';
import { wrapKey } from '../../shared/crypto/rsa-oaep.ts';
import type { IssuedTicket } from '../../shared/protocol/messages.ts';
import type { KeyserverHttp } from './http.ts';
import type { PublicKey, PublicKeys } from './public-keys.ts';

/** A ticket is not used this long before it expires, to allow for clock skew and latency. */
const marginMs = 30_000;

/** A session key, and the members that convey it to KeyServer. */
export interface ProxySession {
  readonly key: KeyObject;
  readonly source: 'rsa' | 'ticket';
  /** Members of the request: the wrapped key and its `keyId`, or the ticket. */
  readonly request: { sessionKey: string; keyId: string } | { session: string };
  readonly publicKey: PublicKey;
}

export interface SessionsOptions {
  readonly http: Pick<KeyserverHttp, 'before'>;
  readonly publicKeys: PublicKeys;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** An answer, with a ticket if it began a session. */
export interface SessionAnswer {
  readonly session?: IssuedTicket;
}

/**
 * Sessions with KeyServer. One with a ticket serves all calls until shortly before the ticket
 * expires. While the first one is being opened, other calls wait for it, which saves wrapping a key
 * for each.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  #ticketed: (ProxySession & { readonly usableUntil: number }) | undefined;
  #opening: PromiseWithResolvers<void> | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Runs one exchange in a session, which is there by the deadline, and keeps the ticket of its answer. */
  async use<T extends SessionAnswer>(
    deadline: number,
    exchange: (session: ProxySession) => Promise<T>,
  ): Promise<T> {
    const { http, publicKeys } = this.#options;
    // Wait one round only: if the first exchange was rejected, each call opens a session of its own.
    // Do not await otherwise: during that tick, other calls would find no session being opened either.
    if (this.#usable() === undefined && this.#opening) {
      await http.before(deadline, this.#opening.promise);
    }
    const ticketed = this.#usable();
    if (ticketed !== undefined) return exchange(ticketed);
    const opening = Promise.withResolvers<void>();
    this.#opening ??= opening;
    try {
      return await this.#open(await http.before(deadline, publicKeys.get()), exchange);
    } finally {
      if (this.#opening === opening) this.#opening = undefined;
      opening.resolve();
    }
  }

  /** Drops a session that KeyServer rejected, and its public key. False if another call dropped the key already. */
  drop({ key, publicKey }: ProxySession): boolean {
    if (this.#ticketed?.key === key) this.#ticketed = undefined;
    return this.#options.publicKeys.drop(publicKey);
  }

  #usable(): ProxySession | undefined {
    const ticketed = this.#ticketed;
    return ticketed && this.#options.clock.monotonic() < ticketed.usableUntil
      ? ticketed
      : undefined;
  }

  async #open<T extends SessionAnswer>(
    publicKey: PublicKey,
    exchange: (session: ProxySession) => Promise<T>,
  ): Promise<T> {
    const raw = randomBytes(keyBytes);
    const key = importKey(raw);
    const sessionKey = wrapKey(publicKey.key, raw).toString('base64');
    raw.fill(0);
    const askedAt = this.#options.clock.monotonic();
    const answer = await exchange({
      key,
      source: 'rsa',
      request: { sessionKey, keyId: publicKey.keyId },
      publicKey,
    });
    if (answer.session !== undefined) {
      const { ticket, expiresIn } = answer.session;
      this.#ticketed = {
        ...{ key, source: 'ticket', request: { session: ticket }, publicKey },
        usableUntil: askedAt + expiresIn * 1000 - marginMs,
      };
    }
    return answer;
  }
}
