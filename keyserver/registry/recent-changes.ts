import type { Clock } from '../../shared/clock.ts';
import {
  type AnnouncedChange,
  type Changes,
  leaseMs,
} from '../../shared/protocol/change-messages.ts';

/** An answer to a proxy, without `ageMs` and session. */
export type ChangesSince = Pick<Changes, 'history' | 'seq' | 'changes' | 'reset' | 'resetAgeMs'>;

/**
 * The latest changes, in memory, so that polling proxies put no load on the database. A proxy whose `since`
 * is not covered gets `reset`: it must drop all cached releases.
 */
export class RecentChanges {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #max: number;
  /** All changes after {@link #from}, ordered by `seq`. */
  #changes: AnnouncedChange[] = [];
  #from = 0;
  #seq = 0;
  #restartedAt = 0;

  constructor(clock: Pick<Clock, 'monotonic'>, max = 1000) {
    this.#clock = clock;
    this.#max = max;
  }

  /**
   * Begins a new history at `seq`. After a restart or a restored database, an equal `seq` may stand for other
   * changes, so every proxy gets `reset` while a lease from the earlier history can last, and heeds it once. A proxy
   * that polls later has lost its lease, and has stopped using its cached releases by itself.
   */
  restart(seq: number): void {
    this.#changes = [];
    this.#from = seq;
    this.#seq = seq;
    this.#restartedAt = this.#clock.monotonic();
  }

  /** Appends the changes up to and including `seq`, ordered by `seq`. */
  add(seq: number, changes: readonly AnnouncedChange[]): void {
    this.#seq = seq;
    this.#changes.push(...changes);
    const dropped = this.#changes.splice(0, Math.max(0, this.#changes.length - this.#max)).at(-1);
    if (dropped !== undefined) this.#from = dropped.seq;
  }

  since(seq: number): ChangesSince {
    if (seq < this.#from || seq > this.#seq) {
      return { seq: this.#seq, changes: [], reset: true };
    }
    const changes = this.#changes.filter((change) => change.seq > seq);
    const resetAgeMs = Math.floor(this.#clock.monotonic() - this.#restartedAt);
    return { seq: this.#seq, changes, ...(resetAgeMs < leaseMs && { reset: true, resetAgeMs }) };
  }
}
