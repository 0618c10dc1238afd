import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { leaseMs } from '../../shared/protocol/change-messages.ts';
import type { Release } from '../../shared/protocol/messages.ts';
import type { Asked, KnownChanges, Lifetime } from '../releases/known-changes.ts';

/** An accepted key's app, from `/whoami` or a release. */
export type AcceptedKey = Pick<Release, 'app' | 'bound' | 'cacheSeconds' | 'seq' | 'ageMs'>;

export type KnownApp = Pick<AcceptedKey, 'app' | 'bound'>;

interface Entry extends KnownApp, Pick<AcceptedKey, 'seq'> {
  readonly lifetime: Lifetime;
}

/**
 * The app keys that KeyServer accepted, by digest, so that none outlives its request here. They lapse like
 * releases, except that `TOKEN_CACHE_SECONDS` does not matter: a known key admits a body, and releases
 * nothing. The one that was learned first is evicted first.
 */
export class KnownCallers {
  readonly #known: KnownChanges;
  readonly #maxEntries: number;
  readonly #entries = new Map<string, Entry>();

  constructor(known: KnownChanges, maxEntries: number) {
    this.#known = known;
    this.#maxEntries = maxEntries;
  }

  appOf(name: string): KnownApp | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined || !this.#known.isUsable(entry.lifetime)) return undefined;
    return this.#known.isCallerCurrent(entry) ? entry : undefined;
  }

  /** True for a key that was accepted once, and not rejected since. */
  wasAccepted(name: string): boolean {
    return this.#entries.has(name);
  }

  learn(name: string, accepted: AcceptedKey, asked: Asked): void {
    const { app, bound, seq, cacheSeconds, ageMs = 0 } = accepted;
    const learned = this.#known.lifetime(asked, cacheSeconds * 1000, leaseMs - ageMs);
    const before = this.#entries.get(name);
    // A release may be cached for less time than its app is known, but another binding not for longer.
    const isExtended =
      before?.lifetime.epoch === asked.epoch &&
      this.#known.isCallerCurrent(before) &&
      isDeepStrictEqual(before.bound, bound);
    const lifetime = isExtended ? laterOf(before.lifetime, learned) : learned;
    this.#entries.delete(name);
    this.#entries.set(name, { app, ...(bound && { bound }), seq, lifetime });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#maxEntries && oldest !== undefined) this.#entries.delete(oldest);
  }

  forget(name: string): void {
    this.#entries.delete(name);
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
