import type { Clock } from '../../shared/clock.ts';
import type { Rate } from '../../shared/policy/limit.ts';
import { arrivalAfter, shareOf, startOf } from './gcra.ts';
import {
  type Bucket,
  bucketsOf,
  type Demand,
  hasSlots,
  type Lease,
  type LimitStore,
  type Room,
  rateRoomOf,
  roomOf,
  slotPollMs,
  type Taken,
} from './store.ts';

interface State {
  /** Monotonic milliseconds, as all times here. */
  arrival: number;
  closedUntil: number;
  /** Ends of leases by id; undefined: none was taken. */
  leases: Map<string, number> | undefined;
}

/** Below so many buckets none is looked for that could be dropped. */
const minSweep = 1000;

/** Counts in this process alone: its share of each limit, if other processes count, too. */
export class LocalStore implements LimitStore {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #processes: () => number;
  readonly #states = new Map<string, State>();
  #sweepAt = minSweep;

  /** @param processes how many share each limit */
  constructor(clock: Pick<Clock, 'monotonic'>, processes: () => number) {
    this.#clock = clock;
    this.#processes = processes;
  }

  get size(): number {
    return this.#states.size;
  }

  take(demands: readonly Demand[], lease: Lease, horizonMs: number): Taken {
    const now = this.#clock.monotonic();
    let start = now;
    let by: Bucket | undefined;
    const shares: { state: State; rate: Rate | undefined; own: number; cost: number }[] = [];
    for (const { bucket, cost } of demands) {
      const state = this.#stateOf(bucket);
      if (this.#isFull(bucket, state, now)) {
        return { granted: false, waitMs: slotPollMs, by: bucket, isClosed: false };
      }
      const from = Math.max(now, state.closedUntil);
      const rate = this.#rateOf(bucket);
      const own = rate === undefined ? from : startOf(rate, state.arrival, from, cost);
      shares.push({ state, rate, own, cost });
      if (own <= start) continue;
      start = own;
      by = bucket;
    }
    const waitMs = start - now;
    const isClosed = by !== undefined && this.#stateOf(by).closedUntil > now;
    if (waitMs > horizonMs) return { granted: false, waitMs, by, isClosed };
    for (const { state, rate, own, cost } of shares) {
      if (rate !== undefined) state.arrival = arrivalAfter(rate, state.arrival, own, cost);
    }
    if (waitMs === 0) this.renew(bucketsOf(demands), lease);
    return { granted: true, waitMs, by, isClosed };
  }

  renew(buckets: readonly Bucket[], { id, ms }: Lease): void {
    const until = this.#clock.monotonic() + ms;
    for (const bucket of buckets.filter(hasSlots)) {
      const state = this.#stateOf(bucket);
      state.leases ??= new Map();
      state.leases.set(id, until);
    }
  }

  leave(buckets: readonly Bucket[], leaseId: string): void {
    for (const { key } of buckets) this.#states.get(key)?.leases?.delete(leaseId);
  }

  charge(bucket: Bucket, cost: number): void {
    const rate = this.#rateOf(bucket);
    if (rate === undefined) return;
    const state = this.#stateOf(bucket);
    state.arrival = arrivalAfter(rate, state.arrival, this.#clock.monotonic(), cost);
  }

  close(bucket: Bucket, ms: number): void {
    const state = this.#stateOf(bucket);
    state.closedUntil = Math.max(state.closedUntil, this.#clock.monotonic() + ms);
  }

  closedMs({ key }: Bucket): number {
    const { closedUntil } = this.#states.get(key) ?? unused;
    return Math.max(0, closedUntil - this.#clock.monotonic());
  }

  /** All buckets that are closed: the key, and milliseconds. */
  closed(): [key: string, ms: number][] {
    const now = this.#clock.monotonic();
    return [...this.#states].flatMap(([key, { closedUntil }]) =>
      closedUntil > now ? [[key, closedUntil - now]] : [],
    );
  }

  rooms(buckets: readonly Bucket[]): readonly Room[] {
    const now = this.#clock.monotonic();
    return buckets.map((bucket) => {
      const { arrival, leases } = this.#states.get(bucket.key) ?? unused;
      const closedMs = this.closedMs(bucket);
      const rate = this.#rateOf(bucket);
      if (rate === undefined) {
        const held = [...(leases?.values() ?? [])].filter((until) => until > now).length;
        return roomOf(this.#slotsOf(bucket), held, closedMs);
      }
      return rateRoomOf(rate, arrival - now, closedMs);
    });
  }

  #rateOf({ rate }: Bucket) {
    const processes = this.#processes();
    return rate === undefined || processes === 1 ? rate : shareOf(rate, processes);
  }

  #slotsOf({ concurrent }: Bucket): number {
    return concurrent === undefined
      ? Infinity
      : Math.max(1, Math.floor(concurrent / this.#processes()));
  }

  #isFull(bucket: Bucket, { leases }: State, now: number): boolean {
    if (leases === undefined || leases.size < this.#slotsOf(bucket)) return false;
    for (const [id, until] of leases) if (until <= now) leases.delete(id);
    return leases.size >= this.#slotsOf(bucket);
  }

  #stateOf({ key }: Bucket): State {
    let state = this.#states.get(key);
    if (state === undefined) {
      if (this.#states.size >= this.#sweepAt) this.#sweep();
      state = { ...unused };
      this.#states.set(key, state);
    }
    return state;
  }

  /** Drops buckets that are as new. Rare enough that its cost for each new bucket does not grow. */
  #sweep(): void {
    const now = this.#clock.monotonic();
    for (const [key, { arrival, closedUntil, leases }] of this.#states) {
      const isHeld = [...(leases?.values() ?? [])].some((until) => until > now);
      if (arrival <= now && closedUntil <= now && !isHeld) this.#states.delete(key);
    }
    this.#sweepAt = Math.max(minSweep, this.#states.size * 2);
  }
}

const unused: Readonly<State> = { arrival: -Infinity, closedUntil: -Infinity, leases: undefined };
