import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { Repeats } from '../../shared/log/repeats.ts';

/** Tells operators of a proxy's key that came with another certificate than the proxy's. */
export class StrangeCertificates {
  readonly #log: Logger;
  readonly #repeats: Repeats;

  constructor(log: Logger, clock: Pick<Clock, 'monotonic'>) {
    this.#log = log;
    this.#repeats = new Repeats(clock);
  }

  /** `names` is empty without a certificate. */
  note(proxy: string, names: readonly string[]): void {
    if (!this.#repeats.isNew(JSON.stringify([proxy, names]))) return;
    this.#log.warn({ proxy, names }, 'proxy key refused: its certificate has no name of the proxy');
  }
}
