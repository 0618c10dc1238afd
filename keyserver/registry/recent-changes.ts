import type { Clock } from '../../shared/clock.ts';
import {
  type AnnouncedChange,
  type Changes,
  leaseMs,
} from '../../shared/protocol/change-messages.ts';

/** What proxies are told of changes, without `ageMs` and session. */
export type ChangesSince = Pick<Changes, 'seq' | 'changes' | 'reset'>;

/**
 * The last changes, in memory, so that asking costs the database nothing. Whoever asks about what
 * is not in here is told to drop all that it keeps.
 */
export class RecentChanges {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #max: number;
  /** Ordered by `seq`: everything after {@link #from}. */
  #changes: AnnouncedChange[] = [];
  #from = 0;
  #seq = 0;
  #restartedAt = 0;

  constructor(clock: Pick<Clock, 'monotonic'>, max = 1000) {
    this.#clock = clock;
    this.#max = max;
  }

  /**
   * Begins a history at `seq`. For as long as leases of an earlier one can hold, everybody is told to
   * drop everything: after a restart or a restored database, an equal `seq` may mean something else.
   * A proxy that asks later has no lease, and drops by itself.
   */
  restart(seq: number): void {
    this.#changes = [];
    this.#from = seq;
    this.#seq = seq;
    this.#restartedAt = this.#clock.monotonic();
  }

  /** Takes changes, ordered by `seq`, up to and including `seq`. */
  add(seq: number, changes: readonly AnnouncedChange[]): void {
    this.#seq = seq;
    this.#changes.push(...changes);
    const gone = this.#changes.splice(0, Math.max(0, this.#changes.length - this.#max)).at(-1);
    if (gone !== undefined) this.#from = gone.seq;
  }

  since(seq: number): ChangesSince {
    const isNew = this.#clock.monotonic() - this.#restartedAt < leaseMs;
    if (isNew || seq < this.#from || seq > this.#seq) {
      return { seq: this.#seq, changes: [], reset: true };
    }
    return { seq: this.#seq, changes: this.#changes.filter((change) => change.seq > seq) };
  }
}
