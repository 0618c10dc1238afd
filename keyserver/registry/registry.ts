import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { leaseMs } from '../../shared/protocol/change-messages.ts';
import type { AppDocument } from '../at-rest/document-row.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { Position, Store } from '../store/store.ts';
import { BehindError, StoreError } from '../store/store-error.ts';
import { CallerWarnings } from './caller-warnings.ts';
import { type Caller, DocumentLoader, differences, type Loaded } from './document-loader.ts';
import { KeyUses } from './key-uses.ts';
import { completeRange, unlisted } from './listed-changes.ts';
import { ProxyPins } from './proxy-pins.ts';
import { ProxyProcesses } from './proxy-processes.ts';
import { type ChangesSince, RecentChanges } from './recent-changes.ts';

/** Interval of full reloads. An attacker who can write to the database could keep the change counter unchanged. */
const rereadMs = 10_000;

/** Rate limit (GCRA) of looks for unknown callers: a burst of eight, then one per interval. */
const looksInARow = 8;
const lookIntervalMs = 250;
/** A waiting look holds one of the places for calls. */
const lookTimeoutMs = 1000;

/** All documents, in memory, verified at every load, since the database is not trusted. */
export class Registry {
  readonly callerWarnings: CallerWarnings;
  readonly keyUses: KeyUses;
  readonly proxyPins: ProxyPins;
  readonly proxyProcesses: ProxyProcesses;
  readonly #store: Store;
  readonly #loader: DocumentLoader;
  readonly #log: Logger;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #recent: RecentChanges;
  #loaded: Loaded | undefined;
  #seq = 0;
  #history = '';
  /** Whether it was logged that the database, or this KeyServer, is behind. */
  #isBehind = false;
  #isBehindProxies = false;
  /** When the counter and the documents were read, by the monotonic clock. */
  #counterReadAt = 0;
  #documentsReadAt = 0;
  #lookDue = -Infinity;
  #refreshing: Promise<void> = Promise.resolve();
  /** The refresh that waits until the current one has ended. */
  #next: Promise<void> | undefined;

  constructor(
    store: Store,
    keyring: Keyring,
    log: Logger,
    clock: Pick<Clock, 'monotonic'> = systemClock,
    wallClock: Pick<Clock, 'now'> = systemClock,
  ) {
    this.#store = store;
    this.#loader = new DocumentLoader(keyring, log);
    this.#log = log;
    this.#clock = clock;
    this.#recent = new RecentChanges(clock);
    this.callerWarnings = new CallerWarnings(log, clock);
    this.keyUses = new KeyUses(wallClock);
    this.proxyPins = new ProxyPins(clock);
    this.proxyProcesses = new ProxyProcesses(clock);
  }

  /** The latest change that the documents in memory include. */
  get seq(): number {
    return this.#seq;
  }

  /** The history that {@link seq} counts in; empty before the first load. */
  get history(): string {
    return this.#history;
  }

  /** Time since the change counter was read, whole milliseconds; later changes are unknown here. */
  get ageMs(): number {
    return Math.ceil(this.#clock.monotonic() - this.#counterReadAt);
  }

  /** Number of documents that are rejected, since they do not open or are older than one seen before. */
  get rejected(): number {
    return this.#loaded?.rejected.size ?? 0;
  }

  /** The ends of keys that have one, milliseconds since the Unix epoch, with the ids of their callers. */
  *keyEnds(kind: 'app' | 'proxy'): Generator<readonly [id: string, endsAt: number]> {
    const keys = kind === 'app' ? this.#loaded?.appKeys : this.#loaded?.proxyKeys;
    for (const { id, key } of keys?.values() ?? []) {
      if (key.expiresAt !== undefined) yield [id, Date.parse(key.expiresAt)];
    }
  }

  /** Changes after `seq`; each is included in the documents in memory. */
  changesSince(seq: number): ChangesSince {
    if (seq > this.#seq && !this.#isBehindProxies) {
      this.#isBehindProxies = true;
      this.#log.warn({ seq: this.#seq, seen: seq }, 'database behind what a proxy has seen');
    }
    const since = this.#recent.since(seq);
    return this.#history === '' ? since : { ...since, history: this.#history };
  }

  /**
   * Reloads the documents if the change counter moved, and every ten seconds. If the counter cannot be read,
   * the loaded documents stay in force for five seconds. If it moved but the documents cannot be read, the old
   * ones are dropped at once. Within one history the counter never goes back: a database, or a node of one, that is
   * behind what was read before counts as one that cannot be read. @throws StoreError
   */
  refresh(): Promise<void> {
    // One after another: an earlier one that ends later would bring back older documents. At most one waits, since
    // it reads the counter after everyone who waits for it has come.
    this.#next ??= this.#refreshing
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#refresh();
      });
    this.#refreshing = this.#next;
    return this.#refreshing;
  }

  /**
   * Refreshes before the next poll, so that a new caller is known at once. False if the rate limit or the database
   * prevented it; the limit keeps strangers from loading the database.
   */
  async look(): Promise<boolean> {
    const now = this.#clock.monotonic();
    const due = Math.max(this.#lookDue, now - (looksInARow - 1) * lookIntervalMs);
    if (due > now) return false;
    this.#lookDue = due + lookIntervalMs;
    const timeout = new AbortController();
    try {
      return await Promise.race([
        this.refresh().then(() => true),
        sleep(lookTimeoutMs, false, { signal: timeout.signal }),
      ]);
    } catch (error) {
      if (error instanceof StoreError) return false;
      throw error;
    } finally {
      timeout.abort();
    }
  }

  /** Has the next refresh read all documents, since other keys open others. */
  reread(): void {
    this.#documentsReadAt = -Infinity;
  }

  async #refresh(): Promise<void> {
    const now = this.#clock.monotonic();
    // Read before the documents, so that it never includes changes that they lack.
    const position = await this.#store.position();
    const { history, seq } = position;
    const isSame = history === this.#history;
    if (isSame && seq < this.#seq) throw this.#behind(new BehindError(seq), this.#seq);
    const hasMoved = this.#loaded === undefined || !isSame || seq !== this.#seq;
    const isDue = now >= this.#documentsReadAt + rereadMs;
    try {
      if (hasMoved || isDue) await this.#reload(position, isDue, now);
    } catch (error) {
      if (error instanceof BehindError) throw this.#behind(error, seq);
      // Fail closed: keeping the old documents would delay a revocation.
      if (hasMoved) this.#loaded = undefined;
      throw error;
    }
    this.#isBehind = false;
    this.#counterReadAt = now;
  }

  #behind(error: BehindError, seen: number): BehindError {
    if (!this.#isBehind) this.#log.error({ seq: error.seq, seen }, 'change counter set back');
    this.#isBehind = true;
    return error;
  }

  async #reload({ history, seq }: Position, isDue: boolean, now: number): Promise<void> {
    const isSame = history === this.#history;
    const before = this.#loaded;
    const isStill = seq === this.#seq;
    const rows = before && isSame ? (isStill ? [] : await this.#rowsUpTo(seq)) : undefined;
    const areTokens = rows?.every(({ kind }) => kind === 'token');
    let loaded = before;
    if (loaded === undefined || isDue || areTokens !== true) {
      loaded = this.#loader.load(await this.#store.documents(seq), before);
      this.#documentsReadAt = now;
    }
    // Compares accepted documents instead of rows: a document that is now rejected has no row among the changes.
    const changed = before ? differences(before, loaded) : [];
    this.#loaded = loaded;
    this.#seq = seq;
    this.#history = history;
    this.#isBehindProxies &&= isStill && isSame;
    // A change without its own number could not be announced to proxies that already have this number.
    if (rows === undefined || (isStill && changed.length > 0)) this.#recent.restart(seq);
    else this.#recent.add(seq, [...rows, ...unlisted(changed, rows, seq)]);
  }

  async #rowsUpTo(seq: number) {
    return completeRange(await this.#store.changesSince(this.#seq), this.#seq, seq);
  }

  /** The policy of a token type; undefined if the type is not defined. @throws ServiceError integrity_failed */
  policy(tokenType: string): Policy | undefined {
    const { types, rejected } = this.#documents();
    if (rejected.has(`type ${tokenType}`)) {
      throw new ServiceError('integrity_failed', {
        reason: 'document_refused',
        detail:
          "The stored token type was not made with this installation's keys, or is an old version.",
      });
    }
    return types.get(tokenType);
  }

  app(id: string): AppDocument | undefined {
    return this.#documents().apps.get(id);
  }

  appByKeyHash(hash: string): Caller<'app'> | undefined {
    return this.#documents().appKeys.get(hash);
  }

  proxyByKeyHash(hash: string): Caller<'proxy'> | undefined {
    return this.#documents().proxyKeys.get(hash);
  }

  #documents(): Loaded {
    // Tokens may be readable while the counter is not, which must not delay a revocation.
    if (this.#loaded === undefined || this.ageMs >= leaseMs) {
      throw new ServiceError('keyserver_unavailable', {
        reason: 'documents_unread',
        retryAfterSeconds: 1,
        detail:
          'KeyServer cannot check whether its types, apps and proxies have changed; try again.',
      });
    }
    return this.#loaded;
  }
}
