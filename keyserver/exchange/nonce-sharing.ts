import { ServiceError } from '../../shared/errors.ts';
import type { Primary } from '../../shared/process/primary.ts';
import type { Answer } from '../../shared/process/workers.ts';
import type { NonceMemory, NonceVerdict } from './nonce-memory.ts';
import type { TakeNonce } from './nonces.ts';

interface NonceQuestion {
  readonly requester: string;
  readonly nonce: string;
}

/** The primary process's side: one memory for all workers, so that a replay at another worker is detected. */
export function answerNonces(memory: NonceMemory): Answer {
  return (question) => {
    const { requester, nonce } = question as NonceQuestion;
    return memory.take(requester, nonce);
  };
}

/** A worker's side. Rejects with `keyserver_unavailable` if the primary does not answer. */
export function askForNonces(primary: Pick<Primary, 'ask'>): TakeNonce {
  return async (requester, nonce) => {
    const question: NonceQuestion = { requester, nonce };
    try {
      return (await primary.ask(question)) as NonceVerdict;
    } catch (cause) {
      throw new ServiceError('keyserver_unavailable', {
        reason: 'nonces_unknown',
        retryAfterSeconds: 1,
        detail: 'The replay check is unavailable; try again.',
        cause,
      });
    }
  };
}
