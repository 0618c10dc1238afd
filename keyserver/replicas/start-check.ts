import type { Logger } from 'pino';
import { isKid } from '../../shared/crypto/kid.ts';
import type { Readiness } from '../../shared/http/health.ts';
import { Poll, type PollOptions } from '../../shared/process/poll.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { isLive, readReport } from './report.ts';

const pollIntervalMs = 1000;

export interface StartCheckOptions extends Pick<PollOptions, 'sleep'> {
  readonly store: Pick<Store, 'replicas' | 'kidCounts'>;
  readonly keyring: Keyring;
  readonly log: Logger;
}

/**
 * Keeps a starting process unready while it lacks an at-rest key that another KeyServer has and rows need. A key that
 * nobody has is lost, and does not hold up a start.
 */
export class StartCheck {
  readonly #options: StartCheckOptions;
  readonly #poll: Poll;
  #hasStarted = false;
  /** Undefined before the first look. */
  #lacking: readonly string[] | undefined;
  #said = '';

  constructor(options: StartCheckOptions) {
    this.#options = options;
    const { sleep } = options;
    this.#poll = new Poll({ ...(sleep && { sleep }), attempt: () => this.#attempt() });
  }

  /** Resolves after the first look. */
  start(): Promise<void> {
    this.#hasStarted = true;
    return this.#poll.start();
  }

  stop(): Promise<void> {
    return this.#poll.stop();
  }

  /** Looks at once, as after a change of keys. */
  wake(): void {
    this.#poll.wake();
  }

  over(readiness: Readiness): Readiness {
    if (!this.#hasStarted || this.#lacking?.length === 0) return readiness;
    return {
      status: 'unready',
      checks: { ...readiness.checks, keys: this.#lacking ? 'missing' : 'unread' },
      ...(this.#lacking && {
        detail: `The keyring lacks the at-rest key ${this.#lacking.join(', ')}, which other KeyServers have and rows need`,
      }),
    };
  }

  async #attempt(): Promise<number> {
    const { log } = this.#options;
    try {
      this.#lacking = await this.#look();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // Of a database that does not answer, the change poll tells; an earlier schema has no reports.
      if (error.kind === 'table_missing' || error.kind === 'privilege_missing') this.#lacking = [];
    }
    const kids = this.#lacking?.join(', ') ?? '';
    if (kids !== '' && kids !== this.#said)
      log.error({ kids: this.#lacking }, 'not ready: at-rest keys missing');
    this.#said = kids;
    if (this.#lacking?.length === 0) void this.#poll.stop();
    return pollIntervalMs;
  }

  async #look(): Promise<string[]> {
    const { store, keyring } = this.#options;
    const live = (await store.replicas()).map((row) => readReport(keyring, row)).filter(isLive);
    // The key of a report is that process's primary key.
    const lacking = new Set(
      live.map(({ kid }) => kid).filter((kid) => isKid(kid) && !keyring.has(kid)),
    );
    const held = new Set(live.flatMap(({ report }) => report?.atRest.keys ?? []));
    const unknown = [...held].filter((kid) => !keyring.has(kid));
    if (unknown.length > 0) {
      for (const { kid } of await store.kidCounts()) if (unknown.includes(kid)) lacking.add(kid);
    }
    return [...lacking].sort();
  }
}
