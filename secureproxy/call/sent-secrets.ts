import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../shared/clock.ts';
import { HourlyByName } from '../../shared/log/hourly.ts';
import type { TargetUrl } from '../../shared/policy/url.ts';
import type { Scrubber } from '../scrub/scrubber.ts';

/** What a caller had sent upstream, without the injection. */
export interface SentByCaller {
  readonly url: TargetUrl;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer | string | null;
}

/**
 * Tells operators of apps that send the secret themselves. A marketplace that repeats what it is sent shows, by
 * what is redacted, which of many guesses was right. One that repeats the injected secret by carelessness looks
 * alike in the answer, but not in the call: an app never learns the secret, so its calls do not have it.
 */
export class SentSecrets {
  readonly #hourly: HourlyByName;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#hourly = new HourlyByName(clock);
  }

  /** Looks at a call whose answer was redacted; others are not worth a search. */
  check(scrubber: Scrubber, { url, headers, body }: SentByCaller, request: FastifyRequest): void {
    const texts = [url.href, ...headers].join('\n');
    if (!scrubber.finds(Buffer.from(texts)) && !(body && scrubber.finds(Buffer.from(body)))) return;
    const { logFields: fields, log } = request;
    fields.secret_sent = true;
    const { app = '' } = fields;
    // Bounded, since only apps with a release have answers.
    if (this.#hourly.isDue(app)) log.warn({ app }, 'app sent the secret that its answer repeated');
  }
}
