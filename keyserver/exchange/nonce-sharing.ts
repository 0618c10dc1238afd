import { ServiceError } from '../../shared/errors.ts';
import type { Primary } from '../../shared/process/primary.ts';
import type { Answer } from '../../shared/process/workers.ts';
import type { NonceMemory, NonceVerdict } from './nonce-memory.ts';
import type { TakeNonce } from './nonces.ts';

interface AskedNonce {
  readonly asker: string;
  readonly nonce: string;
}

/** The primary process's side: one memory for all workers, so that a replay at another one is seen. */
export function answerNonces(memory: NonceMemory): Answer {
  return (question) => {
    const { asker, nonce } = question as AskedNonce;
    return memory.take(asker, nonce);
  };
}

/** A worker's side. What the primary does not answer is refused (`keyserver_unavailable`). */
export function askForNonces(primary: Pick<Primary, 'ask'>): TakeNonce {
  return async (asker, nonce) => {
    const asked: AskedNonce = { asker, nonce };
    try {
      return (await primary.ask(asked)) as NonceVerdict;
    } catch (cause) {
      throw new ServiceError('keyserver_unavailable', {
        reason: 'nonces_unknown',
        retryAfterSeconds: 1,
        detail: 'It cannot be seen now whether the nonce was used before.',
        cause,
      });
    }
  };
}
