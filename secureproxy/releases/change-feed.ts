import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { ServiceError } from '../../shared/errors.ts';
import { plainError } from '../../shared/log/plain-error.ts';
import { Repeats } from '../../shared/log/repeats.ts';
import { Poll, type PollOptions } from '../../shared/process/poll.ts';
import type { KeyserverClient } from '../keyserver-client/client.ts';
import type { KnownChanges } from './known-changes.ts';

const pollIntervalMs = 1_000;
/** While only an operator can help. */
const refusedPollIntervalMs = 10_000;

export interface ChangeFeedOptions extends Pick<PollOptions, 'sleep'> {
  readonly client: Pick<KeyserverClient, 'changes'>;
  readonly known: KnownChanges;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Logger;
  /** Called with the number of proxies' processes that KeyServer has heard of, if it tells. */
  readonly onProcesses?: (count: number) => void;
  /** Called after every question. */
  readonly onAsked?: () => void;
}

/** Asks KeyServer for changes every second, one question at a time. */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  readonly #poll: Poll;
  readonly #repeats: Repeats;
  #said: string | undefined;

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
    this.#repeats = new Repeats(options.clock);
    const { sleep } = options;
    this.#poll = new Poll({ ...(sleep && { sleep }), attempt: () => this.#attempt() });
  }

  start(): void {
    void this.#poll.start();
  }

  stop(): void {
    void this.#poll.stop();
  }

  /** Asks at once if it is pausing, as after a change of what KeyServer is asked with. */
  wake(): void {
    this.#poll.wake();
  }

  /** Asks once; resolves to the interval, in milliseconds, from this question to the next. */
  async ask(): Promise<number> {
    const { client, known, clock, log, onProcesses } = this.#options;
    // The lease counts from here: the answer lacks anything revoked while it is on its way.
    const askedAt = clock.monotonic();
    try {
      const seen = known.seq;
      const changes = await client.changes(seen);
      if (!known.take(changes, askedAt) && this.#repeats.isNew('behind')) {
        log.warn({ seq: changes.seq, seen }, 'KeyServer is behind what another has told');
      }
      if (changes.processes !== undefined) onProcesses?.(changes.processes);
      if (this.#said !== undefined) log.info('change feed is back');
      this.#said = undefined;
      return pollIntervalMs;
    } catch (error) {
      const reason = error instanceof ServiceError ? error.options.reason : undefined;
      if (reason === 'proxy_unknown') known.revoke();
      this.#tell(error, reason);
      return reason === 'proxy_unknown' || reason === 'route_not_found'
        ? refusedPollIntervalMs
        : pollIntervalMs;
    }
  }

  /** The interval counts from the question, so a slow answer does not delay the next one. */
  async #attempt(): Promise<number> {
    const { clock, onAsked } = this.#options;
    const askedAt = clock.monotonic();
    const interval = await this.ask();
    onAsked?.();
    return askedAt + interval - clock.monotonic();
  }

  /** Once an outage, not once a second. */
  #tell(error: unknown, reason: string | undefined): void {
    const { message } = error as Error;
    if (this.#poll.isStopped || message === this.#said) return;
    this.#said = message;
    this.#options.log.warn(
      { err: plainError(error), 'error.reason': reason },
      reason === 'route_not_found' ? 'KeyServer has no change feed' : 'change feed cut',
    );
  }
}
