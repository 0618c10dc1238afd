import { ServiceError } from '../../shared/errors.ts';
import type { NonceMemory, NonceVerdict } from './nonce-memory.ts';

/** Records a requester's nonce as used, and returns whether it was new. */
export type TakeNonce = (requester: string, nonce: string) => NonceVerdict | Promise<NonceVerdict>;

/** The replay check: accepts each nonce once. */
export class Nonces {
  readonly #take: TakeNonce;
  readonly #ofTickets: Pick<NonceMemory, 'take'>;

  /**
   * @param take for new sessions
   * @param ofTickets this process's own: asking another process for every release would cost too much
   */
  constructor(take: TakeNonce, ofTickets: Pick<NonceMemory, 'take'>) {
    this.#take = take;
    this.#ofTickets = ofTickets;
  }

  /**
   * Records the nonce of a new session as used.
   * @throws ServiceError request_stale if it was used before, overloaded if the requester's memory is full,
   * keyserver_unavailable if the check is unavailable
   */
  async use(requester: string, nonce: string): Promise<void> {
    const verdict = await this.#take(requester, nonce);
    if (verdict === 'used') throw nonceUsed();
    if (verdict === 'full') {
      throw new ServiceError('overloaded', {
        reason: 'nonces_full',
        retryAfterSeconds: 120,
        detail: 'Too many new sessions: use the ticket of an earlier answer.',
      });
    }
  }

  /** Records the nonce of a request with a ticket as used. @throws ServiceError request_stale if it was used before */
  useWithTicket(requester: string, nonce: string): void {
    if (this.#ofTickets.take(requester, nonce) === 'used') throw nonceUsed();
  }
}

function nonceUsed(): ServiceError {
  return new ServiceError('request_stale', {
    reason: 'nonce_used',
    detail: 'The nonce was used before: make a new one for every request.',
  });
}
