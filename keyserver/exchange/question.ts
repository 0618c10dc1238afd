import type { Clock } from '../../shared/clock.ts';
import { sealText } from '../../shared/crypto/exchange.ts';
import type { LogFields } from '../../shared/log/request-log.ts';
import type { QuestionRequest } from '../../shared/protocol/messages.ts';
import type { Registry } from '../registry/registry.ts';
import { checkFresh, checkNamesSession, openCredential } from './credential.ts';
import type { Nonces } from './nonces.ts';
import type { Sessions } from './sessions.ts';

export interface QuestionDependencies {
  readonly sessions: Sessions;
  readonly registry: Registry;
  readonly nonces: Nonces;
  readonly clock: Clock;
}

export interface Sender {
  readonly log: LogFields;
  readonly address: string;
  readonly certificateNames: readonly string[];
}

/** A kind of question that a proxy asks, and that releases no token (docs/protocol.md §5). */
export interface Question<C> {
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly requestAad: (request: QuestionRequest) => Uint8Array;
  readonly responseAad: (request: QuestionRequest) => Uint8Array;
  readonly validator: { Check(value: unknown): value is C };
  /** The members of the credential, for an error's detail. */
  readonly members: string;
  /** Authenticates the sender. @throws ServiceError */
  readonly authenticate: (
    dependencies: QuestionDependencies,
    credential: C,
    sender: Sender,
  ) => Promise<Asker>;
}

interface Asker {
  /** The name under which its nonces are remembered. */
  readonly requester: string;
  readonly answer: () => object;
}

/**
 * Answers a question from memory: session → authentication → replay check → sealed answer. Resolves to base64.
 * @throws ServiceError
 */
export async function answerQuestion<C>(
  dependencies: QuestionDependencies,
  { requestAad, responseAad, validator, members, authenticate }: Question<C>,
  request: QuestionRequest,
  sender: Sender,
): Promise<string> {
  checkNamesSession(request);
  checkFresh(request, dependencies.clock);
  const session = await dependencies.sessions.open(request, sender.address);
  const { credential: sealed, nonce } = request;
  const aad = requestAad(request);
  const credential = openCredential(session.key, sealed, aad, validator, members);
  const { requester, answer } = await authenticate(dependencies, credential, sender);
  if (session.source === 'rsa') {
    await dependencies.nonces.use(requester, nonce);
    // The sender of a question that opened a session is known from then on.
    session.acceptPeer?.();
  } else dependencies.nonces.useWithTicket(requester, nonce);
  const ticket = session.issueTicket && { session: session.issueTicket() };
  return sealText(session.key, JSON.stringify({ ...answer(), ...ticket }), responseAad(request));
}
