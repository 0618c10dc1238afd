import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { HourlyByName } from '../../shared/log/hourly.ts';
import type { MissingListener } from './keyring.ts';

/** Others can write to the database; beyond so many kids they are hardly keys that got lost. */
const maxKids = 100;

/** Tells operators which at-rest keys rows and documents need that the keyring lacks, once an hour for each. */
export function missingKeyReport(log: Logger, clock: Pick<Clock, 'monotonic'>): MissingListener {
  const hourly = new HourlyByName(clock);
  const kids = new Set<string>();
  return (kid, purpose, isKept) => {
    // Tickets come from strangers, who can name any kid.
    if (purpose === 'tickets') return;
    if (!kids.has(kid) && kids.size === maxKids) return;
    kids.add(kid);
    const message = isKept ? 'at-rest key gone from the folder' : 'at-rest key missing';
    if (hourly.isDue(`${purpose} ${kid} ${isKept}`))
      log.error({ kid, needed_by: purpose }, message);
  };
}
