import {
  openText,
  sealText,
  whoamiRequestAad,
  whoamiResponseAad,
} from '../../shared/crypto/exchange.ts';
import type { Problem } from '../../shared/http/problem.ts';
import type { QuestionRequest } from '../../shared/protocol/messages.ts';
import type { Whoami } from '../../shared/protocol/whoami-messages.ts';
import { type ClientSession, newNonce, newSession, postJson } from './exchange-client.ts';
import type { TestKeyserver } from './keyserver.ts';

/** One question: the opened answer, or the problem; the other is empty. */
export interface WhoamiExchange {
  readonly session: ClientSession;
  readonly request: QuestionRequest;
  readonly status: number;
  readonly text: string;
  readonly whoami: Partial<Whoami>;
  readonly problem: Partial<Problem>;
}

/** Asks `POST /whoami` over HTTP, in a new session unless one is given. */
export async function askWhoami(
  keyserver: Pick<TestKeyserver, 'url' | 'rsaKeys' | 'clock'>,
  credential: unknown,
  session: ClientSession = newSession(keyserver.rsaKeys.primary.publicKeyPem),
): Promise<WhoamiExchange> {
  const freshness = { timestamp: Math.floor(keyserver.clock.now() / 1000), nonce: newNonce() };
  const sealed = sealText(session.key, JSON.stringify(credential), whoamiRequestAad(freshness));
  return sendWhoami(keyserver, session, { ...session.named, ...freshness, credential: sealed });
}

/** Sends a request as it is. */
export async function sendWhoami(
  keyserver: Pick<TestKeyserver, 'url'>,
  session: ClientSession,
  request: QuestionRequest,
): Promise<WhoamiExchange> {
  const { status, text } = await postJson(`${keyserver.url}/whoami`, request);
  const exchange = { session, request, status, text };
  if (status !== 200) return { ...exchange, whoami: {}, problem: JSON.parse(text) };
  const { token } = JSON.parse(text) as { token: string };
  const whoami = JSON.parse(openText(session.key, token, whoamiResponseAad(request)));
  return { ...exchange, whoami, problem: {} };
}
