import type { Clock } from '../shared/clock.ts';
import { ServiceError } from '../shared/errors.ts';
import type { Release } from '../shared/messages.ts';
import type { KeyserverClient, ReleaseQuery } from './keyserver-client.ts';

export interface CachedRelease {
  readonly release: Release;
  readonly source: 'cached' | 'ticket' | 'rsa';
}

export interface ReleaseCacheOptions {
  readonly client: Pick<KeyserverClient, 'obtain'>;
  readonly clock: Clock;
  /** `TOKEN_CACHE_SECONDS`; 0 keeps nothing. */
  readonly maxSeconds: number;
  readonly maxEntries: number;
}

interface Entry {
  readonly release: Release;
  readonly usableUntil: number;
}

/**
 * Releases kept for seconds, by app key, client and type: the key is part of the name, so that no
 * app profits from another's entry. Whoever uses one judges policy and grants again. One fetch an
 * entry at a time; the least recently used goes first.
 */
export class ReleaseCache {
  readonly #options: ReleaseCacheOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #fetches = new Map<string, Promise<CachedRelease>>();

  constructor(options: ReleaseCacheOptions) {
    this.#options = options;
  }

  /** @throws ServiceError as KeyserverClient.obtain */
  async get(query: ReleaseQuery): Promise<CachedRelease> {
    const name = JSON.stringify([query.appKey, query.clientId, query.tokenType]);
    const entry = this.#fresh(name);
    if (entry !== undefined) return { release: entry.release, source: 'cached' };
    const running = this.#fetches.get(name);
    if (running !== undefined) {
      const shared = await shareable(running);
      if (shared !== undefined) return shared;
      return this.#fetch(name, query);
    }
    const fetched = this.#fetch(name, query);
    this.#fetches.set(name, fetched);
    try {
      return await fetched;
    } finally {
      this.#fetches.delete(name);
    }
  }

  #fresh(name: string): Entry | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    this.#entries.delete(name);
    if (this.#options.clock.monotonic() >= entry.usableUntil) return undefined;
    this.#entries.set(name, entry);
    return entry;
  }

  async #fetch(name: string, query: ReleaseQuery): Promise<CachedRelease> {
    const { client, clock, maxSeconds, maxEntries } = this.#options;
    // Ages count from asking: what was revoked since then must not live longer.
    const askedAt = clock.monotonic();
    const obtained = await client.obtain(query);
    const { cacheSeconds, expiresIn } = obtained.release;
    const seconds = Math.min(maxSeconds, cacheSeconds, expiresIn ?? Infinity);
    if (seconds > 0) {
      this.#entries.delete(name);
      this.#entries.set(name, { release: obtained.release, usableUntil: askedAt + seconds * 1000 });
      const [oldest] = this.#entries.keys();
      if (this.#entries.size > maxEntries && oldest !== undefined) this.#entries.delete(oldest);
    }
    return obtained;
  }
}

/**
 * Another caller's fetch, where it speaks for this one too: a refusal that KeyServer gave for the
 * other's method and URL does not.
 */
async function shareable(running: Promise<CachedRelease>): Promise<CachedRelease | undefined> {
  try {
    return await running;
  } catch (error) {
    const code = error instanceof ServiceError ? error.code : undefined;
    if (code === 'grant_denied' || code === 'destination_denied' || code === 'request_invalid')
      return undefined;
    throw error;
  }
}
