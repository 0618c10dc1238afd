import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import {
  changesRequestAad,
  changesResponseAad,
  requestAad,
  responseAad,
  whoamiRequestAad,
  whoamiResponseAad,
} from '../../shared/crypto/exchange.ts';
import { ServiceError } from '../../shared/errors.ts';
import { FairQueue } from '../../shared/overload/fair-queue.ts';
import type { Target } from '../../shared/policy/schema.ts';
import {
  type Changes,
  type ChangesCredential,
  ChangesSchema,
} from '../../shared/protocol/change-messages.ts';
import { type Explanation, ExplanationSchema } from '../../shared/protocol/explanation.ts';
import {
  type Credential,
  PublicKeyAnswerSchema,
  type Release,
  ReleaseSchema,
} from '../../shared/protocol/messages.ts';
import {
  type Whoami,
  type WhoamiCredential,
  WhoamiSchema,
} from '../../shared/protocol/whoami-messages.ts';
import { Compile } from '../../shared/schema/compile.ts';
import { Acceptance, isFault } from './acceptance.ts';
import { unavailable } from './errors.ts';
import type { KeyserverHttp, TraceHeaders } from './http.ts';
import { PublicKeys } from './public-keys.ts';
import { type Answered, type Question, SealedExchange } from './sealed-exchange.ts';
import type { ProxySession, SessionAnswer } from './sessions.ts';
import { ToldMembers } from './told-members.ts';

const publicKeyAnswer = Compile(PublicKeyAnswerSchema);
const releaseValidator = Compile(ReleaseSchema);
const explanationValidator = Compile(ExplanationSchema);
const changesValidator = Compile(ChangesSchema);
const whoamiValidator = Compile(WhoamiSchema);

const unknownHere = 'that this proxy does not know: run the same version of both services.';

/** Connections for questions about callers, changes and running calls; without changes, releases are hardly cached. */
const reservedConnections = 2;
/** Part of the other connections for one app: answers that come at once, as after an outage, delay everybody's calls. */
const shareOfApp = 0.25;

function queueFull(): ServiceError {
  return new ServiceError('overloaded', {
    reason: 'keyserver_queue',
    retryAfterSeconds: 1,
    detail: 'Too many calls are waiting for KeyServer; try again.',
  });
}

export interface KeyserverClientOptions {
  readonly http: KeyserverHttp;
  readonly publicKeyUrl: URL;
  readonly tokenRequestUrl: URL;
  /** The current key; it may change. */
  readonly proxyKey: () => string;
  readonly pins: ReadonlySet<string>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface WhoamiQuery {
  readonly appKey: string | null;
  readonly trace: TraceHeaders;
  /** Called before each retry, after a failed connection or a rejected session. */
  readonly onRetry?: () => void;
}

export interface ReleaseQuery extends WhoamiQuery {
  readonly clientId: string;
  readonly tokenType: string;
  /** `probe`: that of the type, whose policy is not known yet. */
  readonly target: Target | 'probe';
  /** The app's name, if it is known: keys of one app share its turns. */
  readonly app?: string | undefined;
  /** True for a call that runs already: it waits behind no other question. One of these is asked at a time. */
  readonly isUrgent?: boolean;
}

export interface Obtained {
  readonly release: Release;
  readonly source: ProxySession['source'];
}

/** Asks KeyServer for releases, explanations and changes (docs/protocol.md). */
export class KeyserverClient {
  readonly acceptance: Acceptance;
  readonly #options: KeyserverClientOptions;
  readonly #changesUrl: URL;
  readonly #whoamiUrl: URL;
  readonly #exchange: SealedExchange;
  readonly #questions: FairQueue;
  readonly #told: ToldMembers;

  constructor(options: KeyserverClientOptions) {
    const { http, clock, log } = options;
    this.#options = options;
    this.acceptance = new Acceptance(clock);
    this.#told = new ToldMembers(options.pins, clock);
    this.#changesUrl = new URL('changes', options.tokenRequestUrl);
    this.#whoamiUrl = new URL('whoami', options.tokenRequestUrl);
    const publicKeys = new PublicKeys(() => this.#fetchPublicKey(), options.pins);
    this.#exchange = new SealedExchange({ http, publicKeys, clock, log });
    const maxRunning = Math.max(1, http.connections - reservedConnections);
    this.#questions = new FairQueue({
      maxRunning,
      maxRunningOfSource: Math.ceil(maxRunning * shareOfApp),
      // They are in memory, and wait on if their calls end.
      maxWaiting: 4096,
      queueTimeoutMs: 2000,
      minHoldMs: 0,
      // In an outage the questions before it hold their places until they time out.
      rejection: () => http.fault ?? queueFull(),
    });
  }

  async obtain(query: ReleaseQuery): Promise<Obtained> {
    const { answer, source } = await this.#ask<Release>(query, {}, releaseValidator);
    return { release: answer, source };
  }

  /** Obtains the explanation of a release, by the same exchange. @throws ServiceError */
  async explain(query: ReleaseQuery) {
    const wanted = { explain: true };
    const { answer, source } = await this.#ask<Explanation>(query, wanted, explanationValidator);
    return { explanation: answer, source };
  }

  /** Apps take turns, so that none waits behind another's questions; an urgent question waits for no turn. */
  #ask<T extends Release | Explanation>(
    query: ReleaseQuery,
    wanted: Pick<Credential, 'explain'>,
    validator: Question<T>['validator'],
  ): Promise<Answered<T>> {
    const { clientId, tokenType, appKey, target, trace, onRetry } = query;
    const names = { clientId, tokenType };
    const { proxyKey, tokenRequestUrl } = this.#options;
    const asked = () => {
      const credential: Credential = {
        ...{ proxy: proxyKey(), app: appKey },
        ...(target === 'probe' ? { probe: true } : { target }),
        ...wanted,
      };
      return this.#exchangedForCaller<T>({
        url: tokenRequestUrl,
        members: names,
        credential,
        requestAad: (freshness) => requestAad({ ...names, ...freshness }),
        responseAad: ({ nonce }) => responseAad({ ...names, nonce }),
        validator,
        unknownAnswer: () =>
          unavailable(
            'release_unknown',
            `KeyServer released a token under a policy ${unknownHere}`,
          ),
        trace,
        onRetry,
      });
    };
    return query.isUrgent ? asked() : this.#questions.run(query.app ?? appKey ?? '', asked);
  }

  /**
   * Asks which app a key belongs to.
   * @throws ServiceError with the reason `route_not_found` if KeyServer is of an earlier version
   */
  async whoami({ appKey, trace, onRetry }: WhoamiQuery): Promise<Whoami> {
    const credential: WhoamiCredential = { proxy: this.#options.proxyKey(), app: appKey };
    const { answer } = await this.#exchangedForCaller<Whoami>({
      url: this.#whoamiUrl,
      members: {},
      credential,
      requestAad: whoamiRequestAad,
      responseAad: whoamiResponseAad,
      validator: whoamiValidator,
      unknownAnswer: () =>
        unavailable('whoami_unknown', `KeyServer named an app in a format ${unknownHere}`),
      trace,
      onRetry,
    });
    return answer;
  }

  /** Asks for the changes after `since`, and tells of this process. @throws ServiceError, which the caller logs */
  changes(since: number): Promise<Changes> {
    return this.#told.tellWith((members) =>
      this.#askChanges({ proxy: this.#options.proxyKey(), since, ...members }),
    );
  }

  async #askChanges(credential: ChangesCredential): Promise<Changes> {
    const { answer } = await this.#exchanged<Changes>({
      url: this.#changesUrl,
      members: {},
      credential,
      requestAad: changesRequestAad,
      responseAad: changesResponseAad,
      validator: changesValidator,
      unknownAnswer: () =>
        unavailable('changes_unknown', `KeyServer announced changes in a format ${unknownHere}`),
      trace: {},
    });
    return answer;
  }

  #exchanged<T extends SessionAnswer>(question: Question<T>): Promise<Answered<T>> {
    return this.acceptance.note(() => this.#exchange.ask(question));
  }

  /** Logs faults that only the operator can fix, such as a wrong PROXY_KEY, pin or clock; errors with a cause are logged elsewhere. */
  async #exchangedForCaller<T extends SessionAnswer>(question: Question<T>): Promise<Answered<T>> {
    try {
      return await this.#exchanged(question);
    } catch (error) {
      if (error instanceof ServiceError && error.cause === undefined && isFault(error)) {
        const { code, options, message } = error;
        this.#options.log.error({ 'error.type': code, 'error.reason': options.reason }, message);
      }
      throw error;
    }
  }

  async #fetchPublicKey() {
    const { http, publicKeyUrl, log } = this.#options;
    const { status, body } = await http.post(publicKeyUrl, () => undefined, {});
    if (status !== 200 || !publicKeyAnswer.Check(body)) {
      throw unavailable(
        'public_key',
        'KeyServer did not answer with its public key: check PUBLIC_KEY_URL.',
      );
    }
    log.info({ key_id: body.keyId }, 'public key fetched');
    return body;
  }
}
