import { ServiceError } from '../../shared/errors.ts';
import type { NonceVerdict } from './nonce-memory.ts';

/** Takes a nonce of an asker for good, and says whether it was new. */
export type TakeNonce = (asker: string, nonce: string) => NonceVerdict | Promise<NonceVerdict>;

/** Lets each nonce be used once, by whatever remembers them. */
export class Nonces {
  readonly #take: TakeNonce;

  constructor(take: TakeNonce) {
    this.#take = take;
  }

  /**
   * Takes a nonce for good.
   * @throws ServiceError request_stale where it was used, overloaded where no more can be remembered,
   * keyserver_unavailable where it cannot be known
   */
  async use(asker: string, nonce: string): Promise<void> {
    const verdict = await this.#take(asker, nonce);
    if (verdict === 'used') {
      throw new ServiceError('request_stale', {
        reason: 'nonce_used',
        detail: 'The nonce was used before: take a new one for every request.',
      });
    }
    if (verdict === 'full') {
      throw new ServiceError('overloaded', {
        reason: 'nonces_full',
        retryAfterSeconds: 120,
        detail: 'Too many new sessions: use the ticket of an earlier answer.',
      });
    }
  }
}
