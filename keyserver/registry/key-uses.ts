import type { Clock } from '../../shared/clock.ts';
import type { CallerKey } from '../at-rest/document-row.ts';
import type { KeyUse } from '../store/store.ts';

const dayMs = 86_400_000;

/** Notes on which day each caller's key was last used; a key and a day are written once. */
export class KeyUses {
  readonly #clock: Pick<Clock, 'now'>;
  /** Bounded, since only keys of documents are noted. */
  readonly #days = new Map<string, number>();
  #unwritten = new Map<string, number>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  note({ hash }: Pick<CallerKey, 'hash'>): void {
    const day = Math.floor(this.#clock.now() / dayMs);
    if (this.#days.get(hash) === day) return;
    this.#days.set(hash, day);
    this.#unwritten.set(hash, day);
  }

  /** Hands over what was not written yet; if `write` rejects, it is handed over again. */
  async flush(write: (uses: readonly KeyUse[]) => Promise<void>): Promise<void> {
    if (this.#unwritten.size === 0) return;
    const handed = this.#unwritten;
    this.#unwritten = new Map();
    try {
      const isoDay = (day: number) => new Date(day * dayMs).toISOString().slice(0, 10);
      await write([...handed].map(([hash, day]) => ({ hash, day: isoDay(day) })));
    } catch (error) {
      this.#unwritten = new Map([...handed, ...this.#unwritten]);
      throw error;
    }
  }
}
