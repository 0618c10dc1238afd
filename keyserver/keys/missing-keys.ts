import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import type { Purpose } from '../../shared/crypto/derive.ts';
import { HourlyByName } from '../../shared/log/hourly.ts';

/** Others can write to the database; beyond so many kids they are hardly keys that got lost. */
const maxKids = 100;

/** Tells operators which at-rest keys rows and documents need that the keyring lacks, once an hour for each. */
export class MissingKeys {
  readonly #log: Logger;
  readonly #hourly: HourlyByName;
  readonly #kids = new Set<string>();

  constructor(log: Logger, clock: Pick<Clock, 'monotonic'>) {
    this.#log = log;
    this.#hourly = new HourlyByName(clock);
  }

  note(kid: string, purpose: Purpose, isKept: boolean): void {
    // Tickets come from strangers, who can name any kid.
    if (purpose === 'tickets') return;
    if (!this.#kids.has(kid) && this.#kids.size === maxKids) return;
    this.#kids.add(kid);
    const message = isKept ? 'at-rest key gone from the folder' : 'at-rest key missing';
    if (this.#hourly.isDue(`${purpose} ${kid} ${isKept}`))
      this.#log.error({ kid, needed_by: purpose }, message);
  }
}
