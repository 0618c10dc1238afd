import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { type Freshness, openText, sealText } from '../../shared/crypto/exchange.ts';
import { pooledRandom } from '../../shared/crypto/random-pool.ts';
import { ServiceError } from '../../shared/errors.ts';
import { nextBatch } from '../../shared/event-loop.ts';
import { fromKeyserver, unavailable } from './errors.ts';
import type { KeyserverHttp, TraceHeaders } from './http.ts';
import type { PublicKeys } from './public-keys.ts';
import { type ProxySession, type SessionAnswer, Sessions } from './sessions.ts';

const nonceBytes = 16;

/** A question to KeyServer. Its credential and its answer are sealed. */
export interface Question<T extends SessionAnswer> {
  readonly url: URL;
  /** Members of the body beside those of every exchange. */
  readonly members: object;
  readonly credential: object;
  readonly requestAad: (freshness: Freshness) => Uint8Array;
  readonly responseAad: (freshness: Freshness) => Uint8Array;
  readonly validator: { Check(value: unknown): value is T };
  /** The error if an answer opens but does not validate. */
  readonly unknownAnswer: () => ServiceError;
  readonly trace: TraceHeaders;
  /** Called before each retry, after a failed connection or a rejected session. */
  readonly onRetry?: (() => void) | undefined;
}

export interface Answered<T> {
  readonly answer: T;
  readonly source: ProxySession['source'];
}

export interface SealedExchangeOptions {
  readonly http: KeyserverHttp;
  readonly publicKeys: PublicKeys;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Asks KeyServer in sessions that all questions share (docs/protocol.md §4, §5). */
export class SealedExchange {
  readonly #options: SealedExchangeOptions;
  readonly #sessions: Sessions;

  constructor(options: SealedExchangeOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options);
  }

  /** If KeyServer rejects the session, asks once more with a new public key, session and nonce. @throws ServiceError */
  async ask<T extends SessionAnswer>(question: Question<T>): Promise<Answered<T>> {
    const deadline = this.#options.http.newDeadline();
    for (let isRetried = false; ; isRetried = true) {
      try {
        return await this.#askInSession(question, deadline);
      } catch (error) {
        if (!(error instanceof SessionInvalid)) throw error;
        const isDropped = this.#sessions.drop(error.session);
        if (isRetried) {
          throw unavailable('session_invalid', 'KeyServer cannot open any session of this proxy.');
        }
        if (isDropped) {
          this.#options.log.warn(
            { 'error.type': 'session_invalid', release: error.session.source },
            'session not opened by KeyServer: fetching its public key again',
          );
        }
      }
      question.onRetry?.();
    }
  }

  async #askInSession<T extends SessionAnswer>(
    question: Question<T>,
    deadline: number,
  ): Promise<Answered<T>> {
    let source: ProxySession['source'] = 'rsa';
    const answer = await this.#sessions.use(deadline, (session) => {
      source = session.source;
      return this.#askOnce(session, question, deadline);
    });
    return { answer, source };
  }

  async #askOnce<T extends SessionAnswer>(
    session: ProxySession,
    question: Question<T>,
    deadline: number,
  ): Promise<T> {
    const { http, clock } = this.#options;
    let freshness: Freshness = { timestamp: 0, nonce: '' };
    const makeBody = () => {
      freshness = {
        timestamp: Math.floor(clock.now() / 1000),
        nonce: pooledRandom(nonceBytes).toString('base64url'),
      };
      const credential = JSON.stringify(question.credential);
      return JSON.stringify({
        ...session.request,
        ...question.members,
        ...freshness,
        credential: sealText(session.key, credential, question.requestAad(freshness)),
      });
    };
    const { url, trace, onRetry } = question;
    const { status, body } = await http.post(url, makeBody, trace, { deadline, onRetry });
    await nextBatch();
    if (status !== 200) {
      const error = fromKeyserver(body, freshness.timestamp);
      throw error.code === 'session_invalid' ? new SessionInvalid(session) : error;
    }
    return open(session, question, freshness, body);
  }
}

/** KeyServer rejected this session; the question is retried once. */
class SessionInvalid extends ServiceError {
  readonly session: ProxySession;

  constructor(session: ProxySession) {
    super('session_invalid');
    this.session = session;
  }
}

function open<T extends SessionAnswer>(
  { key }: ProxySession,
  { responseAad, validator, unknownAnswer }: Question<T>,
  freshness: Freshness,
  body: unknown,
): T {
  let answer: unknown;
  try {
    answer = JSON.parse(openText(key, String(Object(body).token), responseAad(freshness)));
  } catch {
    // No cause: the parser's message would quote the token.
    throw unavailable('answer_refused', "KeyServer's answer cannot be opened.");
  }
  if (!validator.Check(answer)) throw unknownAnswer();
  return answer;
}
