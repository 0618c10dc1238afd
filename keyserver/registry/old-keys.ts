import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import type { CallerKey } from '../at-rest/document-row.ts';

const quietMs = 3_600_000;

/** Tells operators which callers still use a key that a rotation replaced, once an hour for each. */
export class OldKeys {
  readonly #log: Logger;
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** When each caller was last logged. Bounded, since only callers with a document are noted. */
  readonly #loggedAt = new Map<string, number>();

  constructor(log: Logger, clock: Pick<Clock, 'monotonic'>) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Notes that a caller used this key, whether or not its overlap has ended. */
  note(kind: 'app' | 'proxy', id: string, { expiresAt }: CallerKey): void {
    if (expiresAt === undefined) return;
    const name = `${kind} ${id}`;
    const now = this.#clock.monotonic();
    if (now - (this.#loggedAt.get(name) ?? -Infinity) < quietMs) return;
    this.#loggedAt.set(name, now);
    this.#log.warn({ [kind]: id, expires_at: expiresAt }, 'old key used');
  }
}
