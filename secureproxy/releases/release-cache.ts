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

/** A call that was not sent this long after its release came must have it judged again. */
const startGraceMs = 5000;

export interface CachedRelease {
  readonly release: Release;
  readonly source: 'cached' | 'ticket' | 'rsa';
  readonly lifetime: Lifetime;
  /** A request may start with it for so long, even if it is not cached. */
  readonly startLifetime: Lifetime;
}

type ReleaseNames = Pick<ReleaseQuery, 'appKey' | 'clientId' | 'tokenType'>;

export interface ReleaseCacheOptions {
  readonly client: Pick<KeyserverClient, 'obtain'>;
  readonly known: KnownChanges;
  /** `TOKEN_CACHE_SECONDS`: maximum age without a lease; 0 disables the cache, even under a lease. */
  readonly maxSeconds: number;
  readonly maxEntries: number;
  /** Called with each release that KeyServer gave: its app key is accepted. */
  readonly onObtained: (appKey: string | null, release: Release, asked: Asked) => void;
}

/**
 * Caches releases for seconds, by app key, client and type: the app key is part of the name, so that
 * no app profits from another's entry. Policy and grants are judged again for each call. A release
 * that a known change made outdated is not used. Concurrent calls share one fetch per entry; the
 * least recently used entry is evicted first.
 */
export class ReleaseCache {
  readonly #options: ReleaseCacheOptions;
  readonly #entries = new Map<string, CachedRelease>();
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

  /** The release of a call if it is cached. */
  cached(names: ReleaseNames): CachedRelease | undefined {
    return this.#fresh(nameOf(names), names);
  }

  /** The release itself if it is cached. @throws ServiceError as KeyserverClient.obtain */
  get(query: ReleaseQuery): CachedRelease | Promise<CachedRelease> {
    const name = nameOf(query);
    const fresh = this.#fresh(name, query);
    if (fresh !== undefined) return fresh;
    // Another call's fetch may wait for its turn.
    return query.isUrgent ? this.#fetch(name, query) : this.#share(name, query);
  }

  /** True if no change is known that took the release away. */
  isCurrent(names: TokenContext, { release, lifetime }: CachedRelease): boolean {
    const { known } = this.#options;
    return lifetime.epoch === known.epoch && known.isCurrent(names, release);
  }

  /** True if a request may start with a release that a call obtained some time ago. */
  mayStart(names: TokenContext, { release, lifetime, startLifetime }: CachedRelease): boolean {
    const { known } = this.#options;
    return (
      (known.isUsable(lifetime) || known.isUsable(startLifetime)) && known.isCurrent(names, release)
    );
  }

  #fresh(name: string, names: TokenContext): CachedRelease | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    this.#entries.delete(name);
    const { known } = this.#options;
    if (!known.isUsable(entry.lifetime) || !known.isCurrent(names, entry.release)) return undefined;
    this.#entries.set(name, entry);
    return entry;
  }

  async #share(name: string, query: ReleaseQuery): Promise<CachedRelease> {
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

  async #fetch(name: string, query: ReleaseQuery): Promise<CachedRelease> {
    const { client, known, maxSeconds, onObtained } = this.#options;
    for (let left = outdatedRetries; ; left -= 1) {
      const asked = known.asking();
      const { release, source } = await client.obtain(query);
      if (known.isCurrent(query, release)) {
        const { cacheSeconds, expiresIn, ageMs = 0 } = release;
        const leasedMs = Math.min(cacheSeconds, expiresIn ?? Infinity) * 1000;
        const lifetime = known.lifetime(asked, leasedMs, maxSeconds * 1000 - ageMs);
        const came = { at: known.asking().at, epoch: asked.epoch };
        const startLifetime = known.lifetime(came, startGraceMs, startGraceMs);
        const obtained = { release, source, lifetime, startLifetime };
        if (leasedMs > 0) this.#keep(name, obtained);
        onObtained(query.appKey, release, asked);
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

  #keep(name: string, { release, lifetime }: CachedRelease): void {
    const { maxSeconds, maxEntries } = this.#options;
    if (maxSeconds === 0) return;
    this.#newest = lifetime;
    this.#entries.delete(name);
    this.#entries.set(name, { release, source: 'cached', lifetime, startLifetime: lifetime });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > maxEntries && oldest !== undefined) this.#entries.delete(oldest);
  }
}

function nameOf({ appKey, clientId, tokenType }: ReleaseNames): string {
  return JSON.stringify([appKey, clientId, tokenType]);
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
