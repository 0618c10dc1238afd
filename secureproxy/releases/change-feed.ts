import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { ServiceError } from '../../shared/errors.ts';
import type { KeyserverClient } from '../keyserver-client/client.ts';
import type { KnownChanges } from './known-changes.ts';

const askEveryMs = 1_000;
/** Where only an operator can help. */
const askRefusedEveryMs = 10_000;

export interface ChangeFeedOptions {
  readonly client: Pick<KeyserverClient, 'changes'>;
  readonly known: KnownChanges;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Logger;
}

/** Asks KeyServer for changes every second, one question at a time. */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  readonly #stopping = new AbortController();
  #said: string | undefined;

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** Asks once; resolves to the interval, in milliseconds, from this question to the next. */
  async ask(): Promise<number> {
    const { client, known, clock, log } = this.#options;
    // The lease counts from here: the answer lacks anything revoked while it is on its way.
    const askedAt = clock.monotonic();
    try {
      known.take(await client.changes(known.seq), askedAt);
      if (this.#said !== undefined) log.info('change feed is back');
      this.#said = undefined;
      return askEveryMs;
    } catch (error) {
      const reason = error instanceof ServiceError ? error.options.reason : undefined;
      if (reason === 'proxy_unknown') known.revoke();
      this.#tell(error, reason);
      return reason === 'proxy_unknown' || reason === 'route_not_found'
        ? askRefusedEveryMs
        : askEveryMs;
    }
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const askedAt = clock.monotonic();
      const nextAt = askedAt + (await this.ask());
      const pauseMs = Math.max(0, nextAt - clock.monotonic());
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Once an outage, not once a second. */
  #tell(error: unknown, reason: string | undefined): void {
    const { message } = error as Error;
    if (this.#stopping.signal.aborted || message === this.#said) return;
    this.#said = message;
    this.#options.log.warn(
      { err: error, 'error.reason': reason },
      reason === 'route_not_found' ? 'KeyServer has no change feed' : 'change feed cut',
    );
  }
}
