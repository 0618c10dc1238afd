import type { Logger } from 'pino';
import type { Readiness } from '../../shared/http/health.ts';
import { plainError } from '../../shared/log/plain-error.ts';
import { Poll, type PollOptions } from '../../shared/process/poll.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import { isStoreError } from '../store/store-error.ts';

const pollIntervalMs = 500;

interface ChangePollOptions extends Pick<PollOptions, 'sleep'> {
  readonly migrate: boolean;
}

/**
 * Keeps the registry in step with the database, and knows whether the database answers. A database
 * that is away at start or later is waited for: the service is unready and heals by itself.
 */
export class ChangePoll extends Poll {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #log: Logger;
  #migrate: boolean;
  /** Undefined before the first attempt. */
  #isReachable: boolean | undefined;

  constructor(store: Store, registry: Registry, log: Logger, options: ChangePollOptions) {
    const { migrate, sleep } = options;
    super({ sleep, attempt: () => this.#step() });
    this.#store = store;
    this.#registry = registry;
    this.#log = log;
    this.#migrate = migrate;
  }

  readiness(): Readiness {
    return this.#isReachable
      ? { status: 'ready', checks: { database: 'reachable' } }
      : { status: 'unready', checks: { database: 'unreachable' } };
  }

  async #step(): Promise<number> {
    try {
      if (this.#migrate) {
        const applied = await this.#store.migrate();
        this.#migrate = false;
        if (applied.length > 0) this.#log.info({ migrations: applied }, 'schema migrated');
      }
      await this.#registry.refresh();
      if (!this.#isReachable)
        this.#log.info({ database: this.#store.description }, 'database reachable');
      this.#isReachable = true;
    } catch (error) {
      // Once an outage, not twice a second; the registry logs that the database is behind.
      if (this.#isReachable !== false && !isStoreError(error, 'behind')) {
        const err = plainError(error);
        this.#log.error({ database: this.#store.description, err }, 'database unreachable');
      }
      this.#isReachable = false;
    }
    return pollIntervalMs;
  }
}
