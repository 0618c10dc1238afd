import type { Rate } from '../../shared/policy/limit.ts';
import { startOf, usedOf } from './gcra.ts';

/** The count of the calls of one limit: of one client, or of the whole type. */
export interface Bucket {
  /** Stands for type, client and limit, and tells none of them. */
  readonly key: string;
  readonly name: string;
  readonly rate: Rate | undefined;
  /** Maximum number of slots that are held at once; undefined if it has none. */
  readonly concurrent: number | undefined;
}

export function hasSlots({ concurrent }: Bucket): boolean {
  return concurrent !== undefined;
}

export interface Demand {
  readonly bucket: Bucket;
  readonly cost: number;
}

export function bucketsOf(demands: readonly Demand[]): Bucket[] {
  return demands.map(({ bucket }) => bucket);
}

/** A call's hold on slots. It ends by itself unless it is renewed, since the process may end. */
export interface Lease {
  readonly id: string;
  readonly ms: number;
}

export interface Taken {
  /**
   * True: the call counts in its rates, and may start in `waitMs`; its slots are taken only if that is 0, since others
   * could use them until then. False: nothing was taken.
   */
  readonly granted: boolean;
  /** Milliseconds; of a rejection, when it is worth to ask again. */
  readonly waitMs: number;
  /** The bucket that makes it wait; undefined if none does. */
  readonly by: Bucket | undefined;
  /** True if the marketplace's signal closed that bucket. */
  readonly isClosed: boolean;
}

export interface Room {
  /** Calls of cost 1 that count now, waiting ones too. */
  readonly used: number;
  /** Calls of cost 1 that could start now. */
  readonly calls: number;
  /** Milliseconds until a closed bucket opens; 0: it is open. */
  readonly closedMs: number;
  /** Milliseconds until a call of cost 1 could start; Infinity if that is when one in progress ends. */
  readonly waitMs: number;
}

export function roomOf(max: number, used: number, closedMs: number): Room {
  const calls = Math.max(0, max - used);
  return {
    used,
    calls: closedMs > 0 ? 0 : calls,
    closedMs,
    waitMs: calls === 0 ? Infinity : closedMs,
  };
}

/** The room of a rate whose next request of a steady flow is due in so many milliseconds. */
export function rateRoomOf(rate: Rate, dueMs: number, closedMs: number): Room {
  const room = roomOf(rate.burst, usedOf(rate, dueMs, 0), closedMs);
  return { ...room, waitMs: startOf(rate, dueMs, closedMs, 1) };
}

type Eventual<T> = T | Promise<T>;

/** Counts what buckets hold. Buckets are made when they are first used, and expire once they are as new. */
export interface LimitStore {
  /**
   * Takes of all buckets or of none, if the call can start within `horizonMs`. While it waits for one bucket, it counts
   * in the others from when they had room, so that it holds up nobody there.
   */
  take(demands: readonly Demand[], lease: Lease, horizonMs: number): Eventual<Taken>;
  /** Has the slots of a call in progress for another lease from now on, also if they were lost. */
  renew(buckets: readonly Bucket[], lease: Lease): void;
  leave(buckets: readonly Bucket[], leaseId: string): void;
  /** Takes more of a rate than the call had announced, whatever is left. */
  charge(bucket: Bucket, cost: number): void;
  /** Lets nothing start for so long; an earlier signal is not shortened. */
  close(bucket: Bucket, ms: number): void;
  rooms(buckets: readonly Bucket[]): Eventual<readonly Room[]>;
}

/** When a call that lacks a slot asks again, milliseconds: a call elsewhere may end at any time. */
export const slotPollMs = 50;
