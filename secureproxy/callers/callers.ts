import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { ServiceError } from '../../shared/errors.ts';
import { FairQueue, type FairQueueOptions, sourceOf } from '../../shared/overload/fair-queue.ts';
import type { KeyserverClient, WhoamiQuery } from '../keyserver-client/client.ts';
import type { Asked, KnownChanges } from '../releases/known-changes.ts';
import { type AcceptedKey, callerName, type KnownApp, KnownCallers } from './known-callers.ts';

/** Short, since a new app's key may have been tried before KeyServer knew it. */
const rejectedMs = 1000;
const maxRejected = 1000;
/** Pause after a KeyServer of an earlier version was asked. */
const unsupportedMs = 10_000;

/** Questions about unknown keys: 1000 a second, so that strangers cost KeyServer little. */
const strangerQuestions: FairQueueOptions = {
  maxRunning: 32,
  maxWaiting: 1024,
  queueTimeoutMs: 1500,
  minHoldMs: 32,
  rejection: () =>
    new ServiceError('overloaded', {
      reason: 'unknown_callers',
      retryAfterSeconds: 1,
      detail: 'Too many calls with app keys that are not known yet; try again.',
    }),
};

interface CallersOptions {
  readonly client: Pick<KeyserverClient, 'whoami'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly known: KnownChanges;
  readonly log: Logger;
  readonly maxEntries: number;
}

interface Rejected {
  readonly error: ServiceError;
  readonly until: number;
}

/** Knows the apps of calls before their bodies are read: remembers, or asks KeyServer (docs/protocol.md §5). */
export class Callers {
  readonly #options: CallersOptions;
  readonly #known: KnownCallers;
  readonly #rejected = new Map<string, Rejected>();
  readonly #strangers = new FairQueue(strangerQuestions);
  readonly #questions = new Map<string, Promise<KnownApp | undefined>>();
  #unsupportedUntil = -Infinity;
  #hasAnswered = false;

  constructor(options: CallersOptions) {
    this.#options = options;
    this.#known = new KnownCallers(options.known, options.maxEntries);
  }

  /** The app of a key, or of its absence, if KeyServer need not be asked. */
  known(appKey: string | null, name = callerName(appKey)): KnownApp | undefined {
    return this.#known.appOf(name);
  }

  learn(appKey: string | null, accepted: AcceptedKey, asked: Asked): void {
    this.#known.learn(callerName(appKey), accepted, asked);
  }

  /**
   * Asks KeyServer for the app of a key, or of its absence; concurrent calls share a question. Keys that were
   * never accepted share a part of the questions, fairly by the callers' addresses. Resolves to undefined if
   * KeyServer is of an earlier version: then only a release can tell.
   * @throws ServiceError
   */
  async ask(query: WhoamiQuery, address: string): Promise<KnownApp | undefined> {
    const name = callerName(query.appKey);
    const rejected = this.#rejected.get(name);
    const now = this.#options.clock.monotonic();
    if (rejected !== undefined && now < rejected.until) throw rejected.error;
    if (now < this.#unsupportedUntil) return undefined;
    let question = this.#questions.get(name);
    if (question === undefined) {
      const ask = () => this.#ask(name, query);
      const asked = this.#known.wasAccepted(name)
        ? ask()
        : this.#strangers.run(sourceOf(address), ask);
      question = asked.finally(() => this.#questions.delete(name));
      this.#questions.set(name, question);
    }
    return question;
  }

  async #ask(name: string, query: WhoamiQuery): Promise<KnownApp | undefined> {
    const { client, known } = this.#options;
    const asked = known.asking();
    try {
      const answer = await client.whoami(query);
      this.#hasAnswered = true;
      // An outdated answer of another KeyServer counts for these calls only; their releases are checked again.
      if (known.isCallerCurrent(answer)) this.#known.learn(name, answer, asked);
      return answer;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      if (this.#isWithoutRoute(error)) return this.#goWithout();
      if (error.code === 'caller_unauthenticated') this.#reject(name, error);
      throw error;
    }
  }

  #goWithout(): undefined {
    const { clock, log } = this.#options;
    if (this.#unsupportedUntil === -Infinity) {
      log.warn('KeyServer does not tell who calls');
    }
    this.#unsupportedUntil = clock.monotonic() + unsupportedMs;
  }

  #reject(name: string, error: ServiceError): void {
    this.#known.forget(name);
    this.#rejected.delete(name);
    this.#rejected.set(name, { error, until: this.#options.clock.monotonic() + rejectedMs });
    const [oldest] = this.#rejected.keys();
    if (this.#rejected.size > maxRejected && oldest !== undefined) this.#rejected.delete(oldest);
  }

  /** An earlier KeyServer has no such route; something in front of it may not let it through, and then never did. */
  #isWithoutRoute({ options: { reason } }: ServiceError): boolean {
    return reason === 'route_not_found' || (reason === 'keyserver_answer' && !this.#hasAnswered);
  }
}
