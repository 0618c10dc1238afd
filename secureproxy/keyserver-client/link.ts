import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Readiness } from '../../shared/http/health.ts';
import type { KeyserverClient } from './client.ts';
import type { KeyserverHttp } from './http.ts';

const lookEveryMs = 500;

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
  readonly #stopping = new AbortController();
  #said: string | undefined;

  constructor(options: KeyserverLinkOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** Degraded, not unready, once KeyServer was reached: cached releases serve calls without it. */
  readiness(): Readiness {
    const { client, http } = this.#options;
    if (!client.reached) return { status: 'unready', checks: { keyserver: 'not_reached' } };
    return http.isAnswering
      ? { status: 'ready', checks: { keyserver: 'reached' } }
      : { status: 'degraded', checks: { keyserver: 'unreachable' } };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#look();
      await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const { client, http, publicKeyUrl, log } = this.#options;
    if (client.reached && http.isAnswering) return;
    try {
      if (client.reached) await http.post(publicKeyUrl, () => undefined, {});
      else await client.warmUp();
      if (this.#said !== undefined) log.info('KeyServer answers');
      this.#said = undefined;
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
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
