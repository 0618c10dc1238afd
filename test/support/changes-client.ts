import type { Clock } from '../../shared/clock.ts';
import {
  changesRequestAad,
  changesResponseAad,
  openText,
  sealText,
} from '../../shared/crypto/exchange.ts';
import type { Problem } from '../../shared/http/problem.ts';
import type { Changes } from '../../shared/protocol/change-messages.ts';
import type { QuestionRequest } from '../../shared/protocol/messages.ts';
import {
  type Answer,
  type ClientSession,
  newNonce,
  newSession,
  postJson,
} from './exchange-client.ts';
import type { TestKeyserver } from './keyserver.ts';

/** Overrides of the usual request for changes. */
export interface AskChanges {
  /** Sealed as it is, wrong members too. */
  readonly credential: unknown;
  readonly timestamp?: number;
  readonly nonce?: string;
}

/** One exchange: the opened changes, or the problem; the other is empty. */
export interface ChangesExchange {
  readonly session: ClientSession;
  readonly request: QuestionRequest;
  readonly answer: Answer;
  readonly status: number;
  readonly changes: Partial<Changes>;
  readonly problem: Partial<Problem>;
}

/** Asks `POST /changes` over HTTP, in a new session unless one is given. */
export async function askChanges(
  keyserver: Pick<TestKeyserver, 'url' | 'rsaKeys' | 'clock'>,
  wanted: AskChanges,
  session: ClientSession = newSession(keyserver.rsaKeys.primary.publicKeyPem),
): Promise<ChangesExchange> {
  const request = changesRequest(session, wanted, keyserver.clock);
  const answer = await postJson(`${keyserver.url}/changes`, request);
  const { status } = answer;
  const opened = { session, request, answer, status };
  return status === 200
    ? { ...opened, changes: openChanges(session, request, answer), problem: {} }
    : { ...opened, changes: {}, problem: JSON.parse(answer.text) };
}

/** The body of a request for changes. */
export function changesRequest(
  session: ClientSession,
  wanted: AskChanges,
  clock: Pick<Clock, 'now'>,
): QuestionRequest {
  const { timestamp = Math.floor(clock.now() / 1000), nonce = newNonce() } = wanted;
  const credential = sealText(
    session.key,
    JSON.stringify(wanted.credential),
    changesRequestAad({ timestamp, nonce }),
  );
  return { ...session.named, timestamp, nonce, credential };
}

/** Opens what was announced as the asker does. @throws OpenError for anybody else */
export function openChanges(
  { key }: ClientSession,
  request: Pick<QuestionRequest, 'nonce'>,
  answer: Answer,
): Changes {
  const { token } = JSON.parse(answer.text) as { token: string };
  return JSON.parse(openText(key, token, changesResponseAad(request)));
}
