import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../shared/clock.ts';
import { HourlyByName } from '../../shared/log/hourly.ts';
import type { TargetUrl } from '../../shared/policy/url.ts';
import type { Scrubber } from '../scrub/scrubber.ts';

/** A call as it was sent upstream, without the injection. */
interface SentByCaller {
  readonly url: TargetUrl;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Undefined for a streamed body, of which nothing is held. */
  readonly body: Buffer | null | undefined;
}

/** Calls beyond so much that wait for their search are not searched: they are in memory. */
const maxWaitingBytes = 64 * 1024 * 1024;

/**
 * Tells operators of apps that send the secret themselves. A marketplace that repeats what it is sent shows, by
 * what is redacted, which of many guesses was right. A marketplace that merely repeats the injected secret
 * gives the same answer, but then the call does not contain the secret, which the app never learns.
 */
export class SentSecrets {
  readonly #hourly: HourlyByName;
  readonly #count: (app: string) => void;
  #waitingBytes = 0;
  #searched = Promise.resolve();

  /** @param count takes the app of each alarm */
  constructor(clock: Pick<Clock, 'monotonic'>, count: (app: string) => void) {
    this.#hourly = new HourlyByName(clock);
    this.#count = count;
  }

  /**
   * Queues a call for the search; call it only if the answer was redacted. Calls are searched one at a time.
   */
  check(scrubber: Scrubber, { url, headers, body }: SentByCaller, request: FastifyRequest): void {
    // The names are bounded, since only apps with a release have answers.
    const { app = '' } = request.logFields;
    if (this.#hourly.isQuiet(app)) return;
    const head = Buffer.from([url.href, ...headers].join('\n'));
    const texts = body ? [head, body] : [head];
    const bytes = texts.reduce((sum, { length }) => sum + length, 0);
    if (this.#waitingBytes + bytes > maxWaitingBytes) return;
    this.#waitingBytes += bytes;
    this.#searched = this.#searched
      .then(async () => {
        if (this.#hourly.isQuiet(app)) return;
        for (const text of texts) {
          if (!(await scrubber.finds(text))) continue;
          this.#tell(app, request);
          return;
        }
      })
      .catch((err) => request.log.error({ err }, 'call not searched for the secret'))
      .finally(() => {
        this.#waitingBytes -= bytes;
      });
  }

  #tell(app: string, { log }: FastifyRequest): void {
    if (!this.#hourly.isDue(app)) return;
    this.#count(app);
    log.warn({ app }, 'app sent the secret that its answer repeated');
  }
}
