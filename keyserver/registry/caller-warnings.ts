import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { HourlyByName } from '../../shared/log/hourly.ts';
import { Repeats } from '../../shared/log/repeats.ts';
import type { CallerKey } from '../at-rest/document-row.ts';

/** Tells operators of keys that callers should no longer use, or use with another certificate. */
export class CallerWarnings {
  readonly #log: Logger;
  /** Bounded, since only callers with a document are noted. */
  readonly #hourly: HourlyByName;
  readonly #repeats: Repeats;

  constructor(log: Logger, clock: Pick<Clock, 'monotonic'>) {
    this.#log = log;
    this.#hourly = new HourlyByName(clock);
    this.#repeats = new Repeats(clock);
  }

  /** Notes that a caller used this key, whether or not its overlap has ended; once an hour for each caller. */
  noteKey(kind: 'app' | 'proxy', id: string, { expiresAt }: CallerKey): void {
    if (expiresAt === undefined || !this.#hourly.isDue(`${kind} ${id}`)) return;
    this.#log.warn({ [kind]: id, expires_at: expiresAt }, 'old key used');
  }

  /** Notes the names of a certificate, none of which is the proxy's; `names` is empty without a certificate. */
  noteCertificate(proxy: string, names: readonly string[]): void {
    if (!this.#repeats.isNew(JSON.stringify([proxy, names]))) return;
    this.#log.warn({ proxy, names }, 'proxy key refused: its certificate has no name of the proxy');
  }
}
