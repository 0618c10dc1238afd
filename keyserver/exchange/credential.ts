import type { KeyObject } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { openText } from '../../shared/crypto/exchange.ts';
import { OpenError } from '../../shared/crypto/open-error.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { ReleaseRequest } from '../../shared/protocol/messages.ts';
import { sessionInvalid } from './sessions.ts';

const freshSeconds = 60;

/** An error that only the author of a client can fix. */
export function invalid(reason: string, detail: string): ServiceError {
  return new ServiceError('request_invalid', { reason, detail });
}

/** @throws ServiceError request_invalid unless exactly one of the two is present */
export function checkNamesSession({
  sessionKey,
  session,
}: Pick<ReleaseRequest, 'sessionKey' | 'session'>): void {
  if ((sessionKey === undefined) === (session === undefined)) {
    throw invalid('session', 'Send exactly one of sessionKey and session.');
  }
}

/** @throws ServiceError request_stale */
export function checkFresh(
  { timestamp }: Pick<ReleaseRequest, 'timestamp'>,
  clock: Pick<Clock, 'now'>,
): void {
  const now = clock.now() / 1000;
  if (timestamp === undefined || Math.abs(now - timestamp) <= freshSeconds) return;
  throw new ServiceError('request_stale', {
    reason: 'timestamp',
    // No secret: the header Date tells it, too, but a balancer may put its own there.
    now: Math.floor(now),
    detail: `timestamp differs from KeyServer's clock by more than ${freshSeconds} s: synchronise both clocks.`,
  });
}

/**
 * Opens and parses a credential. `members` lists the allowed members for the error's detail.
 * @throws ServiceError session_invalid, request_invalid
 */
export function openCredential<T>(
  key: KeyObject,
  sealed: string,
  aad: Uint8Array,
  validator: { Check(value: unknown): value is T },
  members: string,
): T {
  let content: unknown;
  try {
    content = JSON.parse(openText(key, sealed, aad));
  } catch (error) {
    // The JSON parser's message would quote the keys in the credential.
    throw error instanceof OpenError
      ? sessionInvalid()
      : invalid('credential', 'The credential is not JSON.');
  }
  if (!validator.Check(content)) {
    throw invalid(
      'credential',
      `The credential must match ${members}: a member is missing, unknown or of the wrong type.`,
    );
  }
  return content;
}
