import type { IncomingMessage } from 'node:http';
import { ServiceError } from '../../shared/errors.ts';
import type { BodyBudget } from './body-budget.ts';
import type { BodyOwner } from './body-owner.ts';
import { CollectedBytes } from './collected-bytes.ts';

export interface BodyReceiver {
  readonly budget: BodyBudget;
  /** Maximum size of a body. */
  readonly limitBytes: number;
}

type Done = (error: Error | null, bytes?: Buffer) => void;

/**
 * Receives a request's body, whole, and counts its bytes towards the budget. The announced bytes of a known
 * caller are counted at once, so that nothing of a body without room is received; a stranger's as they come,
 * since announcing costs nothing.
 * @returns what gives the bytes back, to be called when the call ends
 */
export function receiveBody(
  { budget, limitBytes }: BodyReceiver,
  owner: BodyOwner,
  payload: IncomingMessage,
  done: Done,
): () => void {
  const announced = Number(payload.headers['content-length'] ?? 0);
  const isStranger = 'source' in owner;
  // Of a stranger, nothing is allocated before it comes.
  const size = Math.min(announced, limitBytes);
  const collected = new CollectedBytes(size, isStranger ? 0 : size);
  let received = 0;
  let taken = 0;
  const check = (bytes: number) => {
    if (bytes <= limitBytes) return;
    const detail = `The body may have ${limitBytes} bytes.`;
    throw new ServiceError('body_too_large', { detail });
  };
  const takeUpTo = (bytes: number) => {
    if (bytes <= taken) return;
    budget.take(owner, bytes - taken);
    taken = bytes;
  };
  const onData = (chunk: Buffer) => {
    received += chunk.length;
    try {
      check(received);
      takeUpTo(received);
    } catch (error) {
      stop(error as Error);
      return;
    }
    collected.add(chunk);
  };
  const onEnd = () => stop(null, collected.take());
  const stop: Done = (error, bytes) => {
    payload.off('data', onData).off('end', onEnd).off('error', stop);
    collected.take();
    done(error, bytes);
  };
  const give = () => {
    budget.give(owner, taken);
    taken = 0;
  };
  try {
    // The caller disconnected before its key was accepted: no event will follow.
    if (payload.destroyed && !payload.readableEnded)
      throw new ServiceError('request_invalid', { reason: 'caller_gone' });
    check(announced);
    if (!isStranger) takeUpTo(announced);
  } catch (error) {
    done(error as Error);
    return give;
  }
  // There is no body.
  if (payload.readableEnded) onEnd();
  else payload.on('data', onData).on('end', onEnd).on('error', stop);
  return give;
}
