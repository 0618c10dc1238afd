import type { Logger } from 'pino';
import type { Readiness } from '../../shared/http/health.ts';
import { Poll } from '../../shared/process/poll.ts';
import type { KeyserverClient } from './client.ts';
import type { KeyserverHttp } from './http.ts';

const pollIntervalMs = 500;

export interface KeyserverLinkOptions {
  readonly client: Pick<KeyserverClient, 'reached' | 'warmUp'>;
  readonly http: Pick<KeyserverHttp, 'isAnswering' | 'post'>;
  readonly publicKeyUrl: URL;
  readonly log: Logger;
}

/**
 * Knows whether KeyServer answers. It asks KeyServer itself only while there is no answer: at the
 * start, so that the first call need not wait for the key, and in an outage, so that readiness
 * returns.
 */
export class KeyserverLink {
  readonly #options: KeyserverLinkOptions;
  readonly #poll = new Poll({ attempt: () => this.#look() });
  #said: string | undefined;

  constructor(options: KeyserverLinkOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#poll.start();
  }

  stop(): void {
    void this.#poll.stop();
  }

  /** Degraded, not unready, once KeyServer was reached: cached releases serve calls without it. */
  readiness(): Readiness {
    const { client, http } = this.#options;
    if (!client.reached) return { status: 'unready', checks: { keyserver: 'not_reached' } };
    return http.isAnswering
      ? { status: 'ready', checks: { keyserver: 'reached' } }
      : { status: 'degraded', checks: { keyserver: 'unreachable' } };
  }

  async #look(): Promise<number> {
    const { client, http } = this.#options;
    if (!client.reached || !http.isAnswering) await this.#ask();
    return pollIntervalMs;
  }

  async #ask(): Promise<void> {
    const { client, http, publicKeyUrl, log } = this.#options;
    try {
      if (client.reached) await http.post(publicKeyUrl, () => undefined, {});
      else await client.warmUp();
      if (this.#said !== undefined) log.info('KeyServer answers');
      this.#said = undefined;
    } catch (error) {
      if (this.#poll.isStopped) return;
      const { message } = error as Error;
      // Once an outage, not twice a second.
      if (message !== this.#said) {
        log.warn(
          { err: error },
          client.reached ? 'KeyServer does not answer' : 'KeyServer not reached yet',
        );
      }
      this.#said = message;
    }
  }
}
