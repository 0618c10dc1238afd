import type { Logger } from 'pino';
import { isKid } from '../../shared/crypto/kid.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { Readiness } from '../../shared/http/health.ts';
import { Poll, type PollOptions } from '../../shared/process/poll.ts';
import { type Keyring, kidOf } from '../keys/keyring.ts';
import type { Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { isLive, readReport } from './report.ts';

const pollIntervalMs = 1000;
/** After a start others may start, too, and tell only then which keys they have. */
const watchedLooks = 60;
/** A count reads the whole token table. */
const looksPerCount = 30;

interface StartCheckOptions extends Pick<PollOptions, 'sleep'> {
  readonly store: Pick<Store, 'replicas' | 'kidCounts'>;
  readonly keyring: Keyring;
  readonly log: Logger;
}

/**
 * Keeps a process from calls while it lacks an at-rest key that another KeyServer has and rows need; it looks for the
 * first minute. A key that nobody has is lost, and does not hold up a start.
 */
export class StartCheck extends Poll {
  readonly #options: StartCheckOptions;
  readonly #passing = Promise.withResolvers<void>();
  #hasStarted = false;
  /** Kids with the hosts that have the keys; undefined before the first look. */
  #lacking: ReadonlyMap<string, readonly string[]> | undefined;
  #looks = 0;
  #counted: { at: number; unknown: ReadonlySet<string>; needed: ReadonlySet<string> } | undefined;
  #said = '';

  constructor(options: StartCheckOptions) {
    super({ sleep: options.sleep, attempt: () => this.#attempt() });
    this.#options = options;
  }

  override start(): Promise<void> {
    this.#hasStarted = true;
    return super.start();
  }

  /** Resolves when no key was lacking for the first time. Before that, nobody needs to reckon with this process. */
  get passed(): Promise<void> {
    return this.#passing.promise;
  }

  /** @throws ServiceError keyserver_unavailable while a key is lacking: another KeyServer can answer */
  assertPassed(): void {
    if (this.#isPassed) return;
    throw new ServiceError('keyserver_unavailable', {
      reason: 'keys_missing',
      retryAfterSeconds: 1,
      detail: 'This KeyServer lacks an at-rest key that others have; try again.',
    });
  }

  over(readiness: Readiness): Readiness {
    if (this.#isPassed) return readiness;
    const lacking = this.#lacking && [...this.#lacking.keys()].map((kid) => this.#named(kid));
    return {
      status: 'unready',
      checks: { ...readiness.checks, keys: lacking ? 'missing' : 'unread' },
      ...(lacking && {
        detail: `The keyring lacks the at-rest key ${lacking.join(', ')}, which other KeyServers have and rows need`,
      }),
    };
  }

  get #isPassed(): boolean {
    return !this.#hasStarted || this.#lacking?.size === 0;
  }

  #named(kid: string): string {
    return this.#options.keyring.has(kid) ? `${kid} (it has another of this name)` : kid;
  }

  async #attempt(): Promise<number> {
    const { log } = this.#options;
    try {
      this.#lacking = await this.#look();
      this.#looks += 1;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // Of a database that does not answer, the change poll tells; an earlier schema has no reports.
      if (error.kind === 'table_missing' || error.kind === 'privilege_missing') {
        this.#lacking = new Map();
        this.#looks = watchedLooks;
      }
    }
    const kids = [...(this.#lacking?.keys() ?? [])];
    if (kids.length > 0 && String(kids) !== this.#said) {
      const hosts = [...new Set([...(this.#lacking?.values() ?? [])].flat())];
      log.error({ kids, hosts }, 'not ready: at-rest keys missing');
    }
    this.#said = String(kids);
    if (this.#lacking?.size === 0) {
      this.#passing.resolve();
      if (this.#looks >= watchedLooks) void this.stop();
    }
    return pollIntervalMs;
  }

  async #look(): Promise<Map<string, string[]>> {
    const { store, keyring } = this.#options;
    const unknown = new Map<string, string[]>();
    for (const replica of (await store.replicas()).map((row) => readReport(keyring, row))) {
      if (!isLive(replica)) continue;
      const { report, kid: itsPrimary } = replica;
      for (const id of report?.atRest.keys ?? [itsPrimary]) {
        const kid = kidOf(id);
        if (!isKid(kid) || id === keyring.idOf(kid)) continue;
        unknown.set(kid, [...(unknown.get(kid) ?? []), report?.host ?? 'unknown']);
      }
    }
    const needed = await this.#needed([...unknown.keys()]);
    return new Map([...unknown].filter(([kid]) => needed.has(kid)).sort());
  }

  /** Those of the kids that rows need, by a count that may be some looks old. */
  async #needed(kids: readonly string[]): Promise<ReadonlySet<string>> {
    if (kids.length === 0) return new Set();
    const counted = this.#counted;
    if (
      counted === undefined ||
      this.#looks - counted.at >= looksPerCount ||
      !kids.every((kid) => counted.unknown.has(kid))
    ) {
      const needed = new Set((await this.#options.store.kidCounts()).map(({ kid }) => kid));
      this.#counted = { at: this.#looks, unknown: new Set(kids), needed };
      return needed;
    }
    return counted.needed;
  }
}
