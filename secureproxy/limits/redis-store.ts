import { intervalOf } from './gcra.ts';
import type { LocalStore } from './local-store.ts';
import type { RedisLink } from './redis-link.ts';
import {
  chargeScript,
  closeScript,
  renewScript,
  roomsScript,
  takeScript,
} from './redis-scripts.ts';
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

/** Takes Redis about 10 ms, during which it answers nobody else. */
const closedAtOnce = 1000;

/** Counts in Redis, for all proxies, and in this process while Redis is away: no call waits for it or fails by it. */
export class RedisStore implements LimitStore {
  readonly #link: RedisLink;
  readonly #local: LocalStore;

  constructor(link: RedisLink, local: LocalStore) {
    this.#link = link;
    this.#local = local;
  }

  async take(demands: readonly Demand[], lease: Lease, horizonMs: number): Promise<Taken> {
    const buckets = bucketsOf(demands);
    // A signal that came here holds, whatever became of Redis.
    const closures = buckets.map((bucket) => this.#local.closedMs(bucket));
    const closedMs = Math.max(...closures);
    if (closedMs > 0) {
      const closed = buckets[closures.indexOf(closedMs)];
      return { granted: false, waitMs: closedMs, by: closed, isClosed: true };
    }
    const numbers = demands.flatMap(({ bucket: { rate, concurrent = 0 }, cost }) => [
      rate === undefined ? 0 : intervalOf(rate),
      rate?.burst ?? 0,
      concurrent,
      cost,
    ]);
    const args = [horizonMs, lease.id, lease.ms, ...numbers];
    const answer = await this.#link.run(takeScript, keysOf(buckets), args, 4);
    if (answer === undefined) return this.#local.take(demands, lease, horizonMs);
    const [granted, wait, by, closed] = answer.map(Number);
    const waitMs = Math.max(finite(wait), granted === 1 ? 0 : slotPollMs);
    if (granted === 1 && waitMs === 0) this.#local.renew(buckets, lease);
    return {
      granted: granted === 1,
      waitMs,
      by: buckets[Math.abs(Number(by)) - 1],
      isClosed: closed === 1,
    };
  }

  /** In both, since either may be the one that counts later. */
  renew(buckets: readonly Bucket[], lease: Lease): void {
    void this.#link.run(renewScript, keysOf(buckets.filter(hasSlots)), [lease.id, lease.ms]);
    this.#local.renew(buckets, lease);
  }

  leave(buckets: readonly Bucket[], leaseId: string): void {
    for (const { key } of buckets.filter(hasSlots)) this.#link.remove(prefix + key, leaseId);
    this.#local.leave(buckets, leaseId);
  }

  charge(bucket: Bucket, cost: number): void {
    if (bucket.rate === undefined) return;
    void this.#link.run(chargeScript, keysOf([bucket]), [intervalOf(bucket.rate), cost]);
    this.#local.charge(bucket, cost);
  }

  close(bucket: Bucket, ms: number): void {
    void this.#link.run(closeScript, keysOf([bucket]), [ms]);
    this.#local.close(bucket, ms);
  }

  /** Tells Redis of all that is closed here: it may not have heard of it, or have lost it. */
  async closeAgain(): Promise<void> {
    const closed = this.#local.closed();
    for (let at = 0; at < closed.length; at += closedAtOnce) {
      const part = closed.slice(at, at + closedAtOnce);
      const keys = keysOf(part.map(([key]) => ({ key })));
      const waits = part.map(([, ms]) => ms);
      if ((await this.#link.run(closeScript, keys, waits)) === undefined) return;
    }
  }

  async rooms(buckets: readonly Bucket[]): Promise<readonly Room[]> {
    const kinds = buckets.map((bucket) => Number(hasSlots(bucket)));
    const answer = await this.#link.run(roomsScript, keysOf(buckets), kinds, 2 * buckets.length);
    if (answer === undefined) return this.#local.rooms(buckets);
    return buckets.map((bucket, at) => {
      const { rate, concurrent } = bucket;
      const used = finite(Number(answer[2 * at]));
      const closedMs = Math.max(finite(Number(answer[2 * at + 1])), this.#local.closedMs(bucket));
      return rate === undefined
        ? roomOf(concurrent ?? Infinity, used, closedMs)
        : rateRoomOf(rate, used, closedMs);
    });
  }
}

/** No limit and no signal has a longer wait; others could write to Redis. */
const maxMs = 30 * 86_400_000;

function finite(milliseconds: number | undefined): number {
  return milliseconds !== undefined && milliseconds >= 0 ? Math.min(milliseconds, maxMs) : 0;
}

function keysOf(buckets: readonly Pick<Bucket, 'key'>[]): string[] {
  return buckets.flatMap(({ key }) => [`${prefix}${key}`, `${prefix}${key}:closed`]);
}

const prefix = 'secureproxy:limit:';
