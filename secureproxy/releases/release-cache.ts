import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenContext } from '../../shared/crypto/token-row.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { Release } from '../../shared/protocol/messages.ts';
import type { KeyserverClient, ReleaseQuery } from '../keyserver-client/client.ts';
import { isRefusal, unavailable } from '../keyserver-client/errors.ts';
import type { Asked, KnownChanges, Lifetime } from './known-changes.ts';

/** Another KeyServer of the installation may learn of a change half a second later. */
const outdatedRetries = 10;
const outdatedPauseMs = 100;

/** A call that was not sent this long after its release came must have it judged again. */
const startGraceMs = 5000;

/** Part of its time after which a used release is refreshed; random, so that releases of one moment are not. */
const refreshedAfter = { least: 0.75, most: 0.9 };

export interface CachedRelease {
  readonly release: Release;
  readonly source: 'cached' | 'ticket' | 'rsa';
  readonly lifetime: Lifetime;
  /** A request may start with it for so long, even if it is not cached. */
  readonly startLifetime: Lifetime;
  /** A call that uses it later has it refreshed. */
  readonly settledLifetime: Lifetime;
}

export type RefreshOutcome = 'renewed' | 'refused' | 'failed';

type ReleaseNames = Pick<ReleaseQuery, 'appKey' | 'clientId' | 'tokenType'>;

export interface ReleaseCacheOptions {
  readonly client: Pick<KeyserverClient, 'obtain'>;
  readonly known: KnownChanges;
  /** `TOKEN_CACHE_SECONDS`: maximum age without a lease; 0 disables the cache, even under a lease. */
  readonly maxSeconds: number;
  readonly maxEntries: number;
  /** Called with each release that KeyServer gave: its app key is accepted. */
  readonly onObtained: (appKey: string | null, release: Release, asked: Asked) => void;
  /** Called when a refresh has ended. */
  readonly onRefreshed: (outcome: RefreshOutcome) => void;
  /** From then on nothing is refreshed. */
  readonly isEnding: () => boolean;
  /** From 0 to 1, exclusive. */
  readonly random: () => number;
}

/**
 * Caches releases for seconds, by app key, client and type: the app key is part of the name, so that
 * no app profits from another's entry. Policy and grants are judged for each call, whichever obtained
 * them. A release that a known change made outdated is not used. Concurrent calls share one fetch per entry; the
 * least recently used entry is evicted first. A release in use is refreshed before it lapses, so that
 * no call waits for a KeyServer that is slow just then; a failed refresh makes it last no longer.
 */
export class ReleaseCache {
  readonly #options: ReleaseCacheOptions;
  readonly #entries = new Map<string, CachedRelease>();
  readonly #fetches = new Map<string, Promise<CachedRelease>>();
  readonly #refreshes = new Map<string, Promise<CachedRelease | undefined>>();
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

  /**
   * To be called with a cached release that allowed a call. If it lapses soon, KeyServer is asked behind the call,
   * once per release.
   */
  refreshIfDue(obtained: CachedRelease, query: () => ReleaseQuery): void {
    const { known, isEnding } = this.#options;
    if (known.isUsable(obtained.settledLifetime) || isEnding()) return;
    const asking = query();
    const name = nameOf(asking);
    if (this.#entries.get(name) !== obtained || this.#refreshes.has(name)) return;
    const old = { ...obtained, settledLifetime: obtained.lifetime };
    this.#entries.set(name, old);
    this.#refreshes.set(name, this.#refresh(name, asking, old));
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
    const { known, maxEntries } = this.#options;
    const isFresh = known.isUsable(entry.lifetime) && known.isCurrent(names, entry.release);
    // The order of use counts only once some are evicted.
    if (isFresh && this.#entries.size < maxEntries) return entry;
    this.#entries.delete(name);
    if (!isFresh) return undefined;
    this.#entries.set(name, entry);
    return entry;
  }

  /** Resolves to undefined if it failed, and then `old` may be used for as long as before. */
  async #refresh(
    name: string,
    query: ReleaseQuery,
    old: CachedRelease,
  ): Promise<CachedRelease | undefined> {
    const { onRefreshed } = this.#options;
    try {
      const fetched = await this.#fetch(name, query);
      onRefreshed('renewed');
      return fetched;
    } catch (error) {
      const isRefused = isRefusal(error);
      if (isRefused && this.#entries.get(name) === old) this.#entries.delete(name);
      onRefreshed(isRefused ? 'refused' : 'failed');
      return undefined;
    } finally {
      this.#refreshes.delete(name);
    }
  }

  async #share(name: string, query: ReleaseQuery): Promise<CachedRelease> {
    const refresh = this.#refreshes.get(name);
    if (refresh !== undefined) {
      const refreshed = await refresh;
      // It was asked for before this call came: its failure is not the call's.
      if (refreshed !== undefined) return refreshed;
    }
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
        const unleasedMs = maxSeconds * 1000 - ageMs;
        const lifetime = known.lifetime(asked, leasedMs, unleasedMs);
        const came = { at: known.asking().at, epoch: asked.epoch };
        const startLifetime = known.lifetime(came, startGraceMs, startGraceMs);
        // Nothing lengthens the time of a token that ends.
        const part = (expiresIn ?? Infinity) > cacheSeconds ? this.#refreshedAfter() : 1;
        const settledLifetime = known.lifetime(asked, leasedMs * part, unleasedMs * part);
        const obtained = { release, source, lifetime, startLifetime, settledLifetime };
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

  #refreshedAfter(): number {
    const { least, most } = refreshedAfter;
    return least + (most - least) * this.#options.random();
  }

  #keep(name: string, obtained: CachedRelease): void {
    const { maxSeconds, maxEntries } = this.#options;
    if (maxSeconds === 0) return;
    const { lifetime } = obtained;
    this.#newest = lifetime;
    this.#entries.delete(name);
    this.#entries.set(name, { ...obtained, source: 'cached', startLifetime: lifetime });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > maxEntries && oldest !== undefined) this.#entries.delete(oldest);
  }
}

/** No two entries have one name, since the length says how much of it is the client; JSON would take twice as long. */
function nameOf({ appKey, clientId, tokenType }: ReleaseNames): string {
  const key = appKey === null ? '' : `=${appKey}`;
  return `${key} ${clientId.length} ${clientId}${tokenType}`;
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
