import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { Compile } from 'typebox/compile';
import type { Clock } from '../shared/clock.ts';
import { openText, requestAad, responseAad, sealText } from '../shared/crypto/exchange.ts';
import { ServiceError } from '../shared/errors.ts';
import { type Explanation, ExplanationSchema } from '../shared/explanation.ts';
import {
  type Credential,
  PublicKeyAnswerSchema,
  type Release,
  type ReleaseRequest,
  ReleaseSchema,
} from '../shared/messages.ts';
import type { Target } from '../shared/policy/schema.ts';
import { fromKeyserver, unavailable } from './keyserver-errors.ts';
import type { KeyserverHttp, TraceHeaders } from './keyserver-http.ts';
import { PublicKeys } from './public-keys.ts';
import { type ProxySession, Sessions } from './sessions.ts';

const publicKeyAnswer = Compile(PublicKeyAnswerSchema);
/** What KeyServer is asked for: how the credential says so, and what the answer must be. */
const wanted = {
  release: { member: {}, validator: Compile(ReleaseSchema) },
  explanation: { member: { explain: true }, validator: Compile(ExplanationSchema) },
} as const;
type Wanted = keyof typeof wanted;
interface Answers {
  readonly release: Release;
  readonly explanation: Explanation;
}

export interface KeyserverClientOptions {
  readonly http: KeyserverHttp;
  readonly publicKeyUrl: URL;
  readonly tokenRequestUrl: URL;
  readonly proxyKey: string;
  readonly pins: ReadonlySet<string>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a release is asked for. */
export interface ReleaseQuery {
  readonly appKey: string | null;
  readonly clientId: string;
  readonly tokenType: string;
  readonly target: Target;
  readonly trace: TraceHeaders;
  /** Told each time that KeyServer is tried again, since a connection failed or a session did not open. */
  readonly onRetry?: () => void;
}

export interface Obtained {
  readonly release: Release;
  readonly source: ProxySession['source'];
}

export interface ObtainedExplanation {
  readonly explanation: Explanation;
  readonly source: ProxySession['source'];
}

interface Answered<W extends Wanted> {
  readonly answer: Answers[W];
  readonly source: ProxySession['source'];
}

/** Asks KeyServer for releases, by the protocol of docs/protocol.md. */
export class KeyserverClient {
  readonly #options: KeyserverClientOptions;
  readonly #publicKeys: PublicKeys;
  readonly #sessions: Sessions;

  constructor(options: KeyserverClientOptions) {
    this.#options = options;
    this.#publicKeys = new PublicKeys(() => this.#fetchPublicKey(), options.pins);
    this.#sessions = new Sessions(this.#publicKeys, options.clock);
  }

  /** True once KeyServer was reached and its key taken. */
  get reached(): boolean {
    return this.#publicKeys.taken;
  }

  /** Fetches the public key ahead of the first call. @throws ServiceError keyserver_unavailable */
  async warmUp(): Promise<void> {
    await this.#publicKeys.get();
  }

  /**
   * Obtains a release. A session that KeyServer does not open is healed once: new public key, new
   * session, new nonce, within this call.
   * @throws ServiceError
   */
  async obtain(query: ReleaseQuery): Promise<Obtained> {
    const { answer, source } = await this.#ask('release', query);
    return { release: answer, source };
  }

  /** Obtains the explanation of a release, by the same exchange. @throws ServiceError */
  async explain(query: ReleaseQuery): Promise<ObtainedExplanation> {
    const { answer, source } = await this.#ask('explanation', query);
    return { explanation: answer, source };
  }

  async #ask<W extends Wanted>(want: W, query: ReleaseQuery): Promise<Answered<W>> {
    try {
      return await this.#askHealing(want, query);
    } catch (error) {
      this.#tellOperator(error);
      throw error;
    }
  }

  async #askHealing<W extends Wanted>(want: W, query: ReleaseQuery): Promise<Answered<W>> {
    try {
      return await this.#exchangeInSession(want, query);
    } catch (error) {
      if (!(error instanceof SessionInvalid)) throw error;
      if (this.#sessions.drop(error.session)) {
        this.#options.log.warn(
          { 'error.type': 'session_invalid', release: error.session.source },
          'session not opened by KeyServer: fetching its public key again',
        );
      }
    }
    query.onRetry?.();
    try {
      return await this.#exchangeInSession(want, query);
    } catch (error) {
      if (!(error instanceof SessionInvalid)) throw error;
      this.#sessions.drop(error.session);
      throw unavailable('session_invalid', 'KeyServer opens no session of this proxy.');
    }
  }

  /** Callers can do nothing about a wrong PROXY_KEY, pin or clock; what has a cause is logged with it anyway. */
  #tellOperator(error: unknown): void {
    if (!(error instanceof ServiceError) || error.cause !== undefined) return;
    const { code, options, message } = error;
    if (code === 'keyserver_unavailable') {
      this.#options.log.error({ 'error.type': code, 'error.reason': options.reason }, message);
    }
  }

  async #exchangeInSession<W extends Wanted>(want: W, query: ReleaseQuery): Promise<Answered<W>> {
    let source: ProxySession['source'] = 'rsa';
    const answer = await this.#sessions.use((session) => {
      source = session.source;
      return this.#exchange(session, want, query);
    });
    return { answer, source };
  }

  async #exchange<W extends Wanted>(
    session: ProxySession,
    want: W,
    query: ReleaseQuery,
  ): Promise<Answers[W]> {
    const { http, tokenRequestUrl } = this.#options;
    let nonce = '';
    const makeBody = () => {
      nonce = randomBytes(16).toString('base64url');
      return JSON.stringify(this.#request(session, want, query, nonce));
    };
    const { status, body } = await http.post(tokenRequestUrl, makeBody, query.trace, query.onRetry);
    if (status !== 200) {
      const error = fromKeyserver(body);
      throw error.code === 'session_invalid' ? new SessionInvalid(session) : error;
    }
    return openAnswer(session, want, { ...query, nonce }, body);
  }

  #request(
    session: ProxySession,
    want: Wanted,
    query: ReleaseQuery,
    nonce: string,
  ): ReleaseRequest {
    const { clock, proxyKey } = this.#options;
    const { clientId, tokenType, appKey, target } = query;
    const timestamp = Math.floor(clock.now() / 1000);
    const credential: Credential = {
      proxy: proxyKey,
      app: appKey,
      target,
      ...wanted[want].member,
    };
    const aad = requestAad({ clientId, tokenType, timestamp, nonce });
    return {
      ...session.request,
      clientId,
      tokenType,
      timestamp,
      nonce,
      credential: sealText(session.key, JSON.stringify(credential), aad),
    };
  }

  async #fetchPublicKey() {
    const { http, publicKeyUrl, log } = this.#options;
    const { status, body } = await http.post(publicKeyUrl, () => undefined, {});
    if (status !== 200 || !publicKeyAnswer.Check(body)) {
      throw unavailable(
        'public_key',
        'KeyServer did not answer with its public key: see PUBLIC_KEY_URL.',
      );
    }
    log.info({ key_id: body.keyId }, 'public key fetched');
    return body;
  }
}

/** KeyServer does not open this session; for the one retry. */
class SessionInvalid extends ServiceError {
  readonly session: ProxySession;

  constructor(session: ProxySession) {
    super('session_invalid');
    this.session = session;
  }
}

function openAnswer<W extends Wanted>(
  { key }: ProxySession,
  want: W,
  context: { clientId: string; tokenType: string; nonce: string },
  body: unknown,
): Answers[W] {
  let answer: unknown;
  try {
    answer = JSON.parse(openText(key, String(Object(body).token), responseAad(context)));
  } catch {
    // Neither the tag's failure nor the parser's text, which would quote the token, goes further.
    throw unavailable('answer_refused', "KeyServer's answer does not open.");
  }
  if (!wanted[want].validator.Check(answer)) {
    throw unavailable(
      'release_unknown',
      'KeyServer released a token under a policy that this proxy does not know: bring both to one version.',
    );
  }
  return answer as Answers[W];
}
