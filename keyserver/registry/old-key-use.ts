import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { HourlyByName } from '../../shared/log/hourly.ts';
import type { CallerKey } from '../at-rest/document-row.ts';

/** Tells operators which callers still use a key that a rotation replaced, once an hour for each. */
export class OldKeys {
  readonly #log: Logger;
  /** Bounded, since only callers with a document are noted. */
  readonly #hourly: HourlyByName;

  constructor(log: Logger, clock: Pick<Clock, 'monotonic'>) {
    this.#log = log;
    this.#hourly = new HourlyByName(clock);
  }

  /** Notes that a caller used this key, whether or not its overlap has ended. */
  note(kind: 'app' | 'proxy', id: string, { expiresAt }: CallerKey): void {
    if (expiresAt === undefined || !this.#hourly.isDue(`${kind} ${id}`)) return;
    this.#log.warn({ [kind]: id, expires_at: expiresAt }, 'old key used');
  }
}
