import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Readiness } from '../../shared/http/health.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';

/** How often the change counter is looked at. */
const pollMs = 500;

/**
 * Keeps the registry in step with the database, and knows whether the database answers. A database
 * that is away at start or later is waited for: the service is unready and heals by itself.
 */
export class ChangePoll {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #migrate: boolean;
  #reachable = false;
  #loop: Promise<void> | undefined;

  constructor(store: Store, registry: Registry, log: Logger, options: { migrate: boolean }) {
    this.#store = store;
    this.#registry = registry;
    this.#log = log;
    this.#migrate = options.migrate;
  }

  /** Resolves after the first attempt, whether or not the database was there. */
  async start(): Promise<void> {
    await this.#step();
    this.#loop = this.#run();
  }

  /** Stops polling; resolves when no query of ours is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  readiness(): Readiness {
    return this.#reachable
      ? { status: 'ready', checks: { database: 'reachable' } }
      : { status: 'unready', checks: { database: 'unreachable' } };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await sleep(pollMs, undefined, { signal });
      } catch {
        return;
      }
      await this.#step();
    }
  }

  async #step(): Promise<void> {
    try {
      if (this.#migrate) {
        const applied = await this.#store.migrate();
        this.#migrate = false;
        if (applied.length > 0) this.#log.info({ migrations: applied }, 'schema migrated');
      }
      await this.#registry.refresh();
      if (!this.#reachable)
        this.#log.info({ database: this.#store.description }, 'database reachable');
      this.#reachable = true;
    } catch (error) {
      // Once an outage, not twice a second.
      if (this.#reachable || this.#loop === undefined) {
        this.#log.error({ database: this.#store.description, err: error }, 'database unreachable');
      }
      this.#reachable = false;
    }
  }
}
