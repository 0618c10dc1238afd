import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { ServiceError } from '../../shared/errors.ts';
import { FairQueue, type FairQueueOptions, sourceOf } from '../../shared/overload/fair-queue.ts';
import { leaseMs } from '../../shared/protocol/change-messages.ts';
import type { Release } from '../../shared/protocol/messages.ts';
import type { KeyserverClient, WhoamiQuery } from '../keyserver-client/client.ts';
import type { Asked, KnownChanges, Lifetime } from '../releases/known-changes.ts';

/** An accepted key's app, from `/whoami` or a release. */
type AcceptedKey = Pick<Release, 'app' | 'bound' | 'cacheSeconds' | 'seq' | 'ageMs'>;
export type KnownApp = Pick<AcceptedKey, 'app' | 'bound'>;
type Entry = KnownApp & Pick<AcceptedKey, 'seq'> & { readonly lifetime: Lifetime };

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

/**
 * Knows the apps of calls before their bodies are read: remembers, or asks KeyServer (docs/protocol.md §5). Known keys
 * lapse like releases, except that `TOKEN_CACHE_SECONDS` does not matter: a known key admits a body, and releases
 * nothing.
 */
export class Callers {
  readonly #options: CallersOptions;
  /** Accepted keys, by digest, so that none outlives its request here; the one learned first is evicted first. */
  readonly #accepted = new Map<string, Entry>();
  readonly #rejected = new Map<string, { readonly error: ServiceError; readonly until: number }>();
  readonly #strangers = new FairQueue(strangerQuestions);
  readonly #questions = new Map<string, Promise<KnownApp | undefined>>();
  #unsupportedUntil = -Infinity;
  #hasAnswered = false;

  constructor(options: CallersOptions) {
    this.#options = options;
  }

  /** The app of a key, or of its absence, if KeyServer need not be asked. */
  known(appKey: string | null, name = callerName(appKey)): KnownApp | undefined {
    const { known } = this.#options;
    const entry = this.#accepted.get(name);
    if (entry === undefined || !known.isUsable(entry.lifetime)) return undefined;
    return known.isCallerCurrent(entry) ? entry : undefined;
  }

  learn(appKey: string | null, accepted: AcceptedKey, asked: Asked): void {
    this.#learn(callerName(appKey), accepted, asked);
  }

  #learn(name: string, accepted: AcceptedKey, asked: Asked): void {
    const { known, maxEntries } = this.#options;
    const { app, bound, seq, cacheSeconds, ageMs = 0 } = accepted;
    const learned = known.lifetime(asked, cacheSeconds * 1000, leaseMs - ageMs);
    const before = this.#accepted.get(name);
    // A release may be cached for less time than its app is known, but another binding not for longer.
    const isExtended =
      before?.lifetime.epoch === asked.epoch &&
      known.isCallerCurrent(before) &&
      isDeepStrictEqual(before.bound, bound);
    const lifetime = isExtended ? laterOf(before.lifetime, learned) : learned;
    keepNewest(this.#accepted, name, { app, ...(bound && { bound }), seq, lifetime }, maxEntries);
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
      const asked = this.#accepted.has(name) ? ask() : this.#strangers.run(sourceOf(address), ask);
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
      if (known.isCallerCurrent(answer)) this.#learn(name, answer, asked);
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
    this.#accepted.delete(name);
    const until = this.#options.clock.monotonic() + rejectedMs;
    keepNewest(this.#rejected, name, { error, until }, maxRejected);
  }

  /** An earlier KeyServer has no such route; something in front of it may not let it through, and then never did. */
  #isWithoutRoute({ options: { reason } }: ServiceError): boolean {
    return reason === 'route_not_found' || (reason === 'keyserver_answer' && !this.#hasAnswered);
  }
}

/** The name of a key, or of its absence. */
export function callerName(appKey: string | null): string {
  return appKey === null ? '' : hash('sha256', appKey, 'base64');
}

function laterOf(one: Lifetime, other: Lifetime): Lifetime {
  return {
    usableUntil: Math.max(one.usableUntil, other.usableUntil),
    usableWithoutLeaseUntil: Math.max(one.usableWithoutLeaseUntil, other.usableWithoutLeaseUntil),
    epoch: other.epoch,
  };
}

/** Sets a value as the newest one, and drops the oldest one beyond `max`. */
function keepNewest<V>(map: Map<string, V>, name: string, value: V, max: number): void {
  map.delete(name);
  map.set(name, value);
  const [oldest] = map.keys();
  if (map.size > max && oldest !== undefined) map.delete(oldest);
}
