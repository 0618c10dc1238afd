import type { Clock } from '../../shared/clock.ts';
import type { QuestionRequest } from '../../shared/protocol/messages.ts';
import type { Registry } from '../registry/registry.ts';
import { checkFresh, checkNamesSession, openCredential } from './credential.ts';
import type { Nonces } from './nonces.ts';
import type { Session, Sessions } from './sessions.ts';

/** The needs of a question that is answered from memory. */
export interface QuestionDependencies {
  readonly sessions: Sessions;
  readonly registry: Registry;
  readonly nonces: Nonces;
  readonly clock: Clock;
}

/** How the credential of a question is opened. */
export interface QuestionForm<T> {
  readonly aad: (request: QuestionRequest) => Uint8Array;
  readonly validator: { Check(value: unknown): value is T };
  /** The members of the credential, for an error's detail. */
  readonly members: string;
}

/** Opens a fresh question and its credential. @throws ServiceError request_invalid, request_stale, session_invalid */
export async function openQuestion<T>(
  { sessions, clock }: Pick<QuestionDependencies, 'sessions' | 'clock'>,
  request: QuestionRequest,
  address: string,
  { aad, validator, members }: QuestionForm<T>,
): Promise<{ session: Session; credential: T }> {
  checkNamesSession(request);
  checkFresh(request, clock);
  const session = await sessions.open(request, address);
  const credential = openCredential(
    session.key,
    request.credential,
    aad(request),
    validator,
    members,
  );
  return { session, credential };
}

/** Spends the nonce of a question; the sender of one that opened a session is known from then on. @throws ServiceError */
export async function spendNonce(
  { nonces }: Pick<QuestionDependencies, 'nonces'>,
  session: Session,
  requester: string,
  { nonce }: QuestionRequest,
): Promise<void> {
  if (session.source !== 'rsa') {
    nonces.useWithTicket(requester, nonce);
    return;
  }
  await nonces.use(requester, nonce);
  session.acceptPeer?.();
}
