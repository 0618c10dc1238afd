import type { KeyObject } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { openText } from '../../shared/crypto/exchange.ts';
import { OpenError } from '../../shared/crypto/open-error.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { ReleaseRequest } from '../../shared/protocol/messages.ts';
import { sessionInvalid } from './sessions.ts';

const freshSeconds = 60;

/** For the author of a client. */
export function invalid(reason: string, detail: string): ServiceError {
  return new ServiceError('request_invalid', { reason, detail });
}

/** @throws ServiceError request_invalid where not exactly one of both is there */
export function checkNamesSession({
  sessionKey,
  session,
}: Pick<ReleaseRequest, 'sessionKey' | 'session'>): void {
  if ((sessionKey === undefined) === (session === undefined)) {
    throw invalid('session', 'Exactly one of sessionKey and session is needed.');
  }
}

/** @throws ServiceError request_stale */
export function checkFresh(
  { timestamp }: Pick<ReleaseRequest, 'timestamp'>,
  clock: Pick<Clock, 'now'>,
): void {
  if (timestamp === undefined || Math.abs(clock.now() / 1000 - timestamp) <= freshSeconds) return;
  throw new ServiceError('request_stale', {
    reason: 'timestamp',
    detail: `timestamp is more than ${freshSeconds} s from this clock: set both clocks.`,
  });
}

/**
 * Opens a credential; `members` names those it should have to who sends others.
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
    // A JSON error would quote the credential's keys.
    throw error instanceof OpenError
      ? sessionInvalid()
      : invalid('credential', 'The credential is not JSON.');
  }
  if (!validator.Check(content)) {
    throw invalid(
      'credential',
      `The credential has other members than ${members}, or of other types.`,
    );
  }
  return content;
}
