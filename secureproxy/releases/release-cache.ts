import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenContext } from '../../shared/crypto/token-row.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { Release } from '../../shared/protocol/messages.ts';
import type { KeyserverClient, ReleaseQuery } from '../keyserver-client/client.ts';
import { unavailable } from '../keyserver-client/errors.ts';
import type { Asked, KnownChanges, Lifetime } from './known-changes.ts';

/** Another KeyServer of the installation may learn of a change half a second later. */
const outdatedRetries = 10;
const outdatedPauseMs = 100;

export interface CachedRelease {
  readonly release: Release;
  readonly source: 'cached' | 'ticket' | 'rsa';
}

export interface ReleaseCacheOptions {
  readonly client: Pick<KeyserverClient, 'obtain'>;
  readonly known: KnownChanges;
  /** `TOKEN_CACHE_SECONDS`: maximum age without a lease; 0 disables the cache, even under a lease. */
  readonly maxSeconds: number;
  readonly maxEntries: number;
  /** Called with each release that KeyServer gave: its app key is accepted. */
  readonly onObtained: (appKey: string | null, release: Release, asked: Asked) => void;
}

interface Entry {
  readonly release: Release;
  readonly lifetime: Lifetime;
}

/**
 * Caches releases for seconds, by app key, client and type: the app key is part of the name, so that
 * no app profits from another's entry. Policy and grants are judged again for each call. A release
 * that a known change made outdated is not used. Concurrent calls share one fetch per entry; the
 * least recently used entry is evicted first.
 */
export class ReleaseCache {
  readonly #options: ReleaseCacheOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #fetches = new Map<string, Promise<CachedRelease>>();
  /** Of the newest release. */
  #newest: Lifetime | undefined;

  constructor(options: ReleaseCacheOptions) {
    this.#options = options;
  }

  /** False if no release can be used without asking KeyServer. */
  get canServe(): boolean {
    const { known, maxSeconds } = this.#options;
    if (maxSeconds === 0) return false;
    return known.isLeased || (this.#newest !== undefined && known.isUsable(this.#newest));
  }

  /** @throws ServiceError as KeyserverClient.obtain */
  async get(query: ReleaseQuery): Promise<CachedRelease> {
    const name = JSON.stringify([query.appKey, query.clientId, query.tokenType]);
    const entry = this.#fresh(name, query);
    if (entry !== undefined) return { release: entry.release, source: 'cached' };
    const running = this.#fetches.get(name);
    if (running !== undefined) return (await shareable(running)) ?? this.#fetch(name, query);
    const fetched = this.#fetch(name, query);
    this.#fetches.set(name, fetched);
    try {
      return await fetched;
    } finally {
      this.#fetches.delete(name);
    }
  }

  #fresh(name: string, names: TokenContext): Entry | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    this.#entries.delete(name);
    const { known } = this.#options;
    if (!known.isUsable(entry.lifetime) || !known.isCurrent(names, entry.release)) return undefined;
    this.#entries.set(name, entry);
    return entry;
  }

  async #fetch(name: string, query: ReleaseQuery): Promise<CachedRelease> {
    const { client, known, onObtained } = this.#options;
    for (let left = outdatedRetries; ; left -= 1) {
      const asked = known.asking();
      const obtained = await client.obtain(query);
      if (known.isCurrent(query, obtained.release)) {
        this.#keep(name, obtained.release, asked);
        onObtained(query.appKey, obtained.release, asked);
        return obtained;
      }
      if (left === 0) {
        throw unavailable(
          'release_outdated',
          'KeyServer answered with a release older than a change that it announced.',
        );
      }
      query.onRetry?.();
      await sleep(outdatedPauseMs);
    }
  }

  #keep(name: string, release: Release, asked: Asked): void {
    const { known, maxSeconds, maxEntries } = this.#options;
    const { cacheSeconds, expiresIn, ageMs = 0 } = release;
    const seconds = Math.min(cacheSeconds, expiresIn ?? Infinity);
    if (maxSeconds === 0 || seconds <= 0) return;
    const lifetime = known.lifetime(asked, seconds * 1000, maxSeconds * 1000 - ageMs);
    this.#newest = lifetime;
    this.#entries.delete(name);
    this.#entries.set(name, { release, lifetime });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > maxEntries && oldest !== undefined) this.#entries.delete(oldest);
  }
}

/**
 * Resolves to another call's fetch; undefined if it does not hold for this call, since KeyServer
 * rejected the other call's method or URL.
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
