import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Clock } from '../../shared/clock.ts';
import { ServiceError } from '../../shared/errors.ts';
import { FairQueue } from '../../shared/overload/fair-queue.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import type { Deadline } from '../upstream/deadline.ts';
import { callerGone } from '../upstream/errors.ts';
import { demandsOf, type LimitDemand, type LimitedCall } from './demands.ts';
import { intervalOf } from './gcra.ts';
import { type Pass, passOf } from './pass.ts';
import { rateLimited } from './rate-limited.ts';
import {
  type Bucket,
  bucketsOf,
  hasSlots,
  type Lease,
  type LimitStore,
  type Room,
  type Taken,
} from './store.ts';

/** Longest wait for a limit: SDKs wait longer for an answer, and those who do not set a shorter deadline. */
const maxWaitMs = 5000;
/** Calls that wait for the same limits in this process; of the app with most the newest is rejected. */
const maxWaiting = 256;
/** A slot whose process was killed is free after so long; calls in progress renew theirs. */
const leaseMs = 30_000;

interface LimitsOptions {
  readonly store: LimitStore;
  readonly clock: Clock;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** The app of a limited call, and how long the call may wait. */
interface LimitWait {
  readonly app: string;
  readonly deadline: Deadline;
  readonly response: ServerResponse;
  /** Called once if the call had to wait, let through or not: milliseconds, and the limit, unless it waited behind others. */
  readonly onWaited?: (ms: number, limit: string | undefined) => void;
}

interface Gate {
  readonly name: string;
  readonly queue: FairQueue;
  calls: number;
}

interface Turn {
  readonly leftMs: () => number;
  readonly signal: AbortSignal;
  /** The last answer of the store that had it wait for a bucket. */
  held: (Taken & { readonly by: Bucket }) | undefined;
}

/**
 * Holds calls to the limits of their types. Calls under the same limits ask in turn, and apps take turns, so none waits
 * behind another's crowd. A call counts in a rate ahead, and waits for its time, so that proxies take turns, too.
 */
export class Limits {
  readonly #options: LimitsOptions;
  readonly #sleep: NonNullable<LimitsOptions['sleep']>;
  readonly #gates = new Map<string, Gate>();

  constructor(options: LimitsOptions) {
    this.#options = options;
    this.#sleep = options.sleep ?? ((ms, signal) => sleepFor(ms, undefined, { signal }));
  }

  /**
   * Resolves once the call may start; undefined if its type has no limits.
   * @throws ServiceError rate_limited, upstream_timeout; request_invalid if the caller is gone
   */
  enter(policy: Policy, call: LimitedCall, wait: LimitWait): Promise<Pass> | undefined {
    const demands = demandsOf(policy, call);
    return demands.length === 0 ? undefined : this.#enter(demands, policy, wait);
  }

  /** The rooms of the limits that a call would be under. @throws ServiceError as {@link enter} */
  async rooms(policy: Policy, call: LimitedCall): Promise<readonly (Room & { bucket: Bucket })[]> {
    const buckets = bucketsOf(demandsOf(policy, call));
    if (buckets.length === 0) return [];
    const rooms = await this.#options.store.rooms(buckets);
    return buckets.flatMap((bucket, at) => {
      const room = rooms[at];
      return room === undefined ? [] : [{ bucket, ...room }];
    });
  }

  async #enter(
    demands: readonly LimitDemand[],
    { limitSignal: signal = {} }: Policy,
    { app, deadline, response, onWaited }: LimitWait,
  ): Promise<Pass> {
    if (response.closed) throw callerGone();
    const { store, clock } = this.#options;
    const since = clock.monotonic();
    const lease = { id: randomUUID(), ms: leaseMs };
    const ended = new AbortController();
    const onClose = () => ended.abort();
    response.once('close', onClose);
    const leftMs = () => Math.min(deadline.leftMs, maxWaitMs - (clock.monotonic() - since));
    const turn: Turn = { leftMs, signal: ended.signal, held: undefined };
    const gate = this.#open(demands);
    const isBehind = gate.calls > 1;
    const takeTurn = () => this.#take(demands, lease, turn);
    try {
      await deadline.bound('place', gate.queue.run(app, takeTurn, ended.signal));
      return passOf({ store, now: clock.now, sleep: this.#sleep, signal, demands, lease });
    } catch (error) {
      const isGone = ended.signal.aborted;
      ended.abort();
      if (isGone) throw callerGone();
      // The wait, which is measured out to end before the deadline, ends late on a busy machine.
      const isLate = error instanceof ServiceError && error.code === 'upstream_timeout';
      throw isLate && turn.held !== undefined ? beyond(turn.held) : error;
    } finally {
      this.#leave(gate);
      deadline.pause();
      response.off('close', onClose);
      const { held } = turn;
      if (isBehind || held !== undefined) onWaited?.(clock.monotonic() - since, held?.by.name);
    }
  }

  #open(demands: readonly LimitDemand[]): Gate {
    const name = demands.map(({ bucket }) => bucket.key).join();
    const gate = this.#gates.get(name) ?? { name, queue: queueOf(demands), calls: 0 };
    this.#gates.set(name, gate);
    gate.calls += 1;
    return gate;
  }

  #leave(gate: Gate): void {
    gate.calls -= 1;
    if (gate.calls === 0) this.#gates.delete(gate.name);
  }

  async #take(demands: readonly LimitDemand[], lease: Lease, turn: Turn): Promise<void> {
    const { store } = this.#options;
    const { leftMs, signal } = turn;
    const buckets = bucketsOf(demands);
    let wanted = demands;
    try {
      while (wanted.length > 0) {
        signal.throwIfAborted();
        const taken = await store.take(wanted, lease, leftMs());
        const { by } = taken;
        if (by !== undefined) turn.held = { ...taken, by };
        if (taken.waitMs > leftMs()) throw beyond(taken);
        if (taken.waitMs > 0) await this.#sleep(taken.waitMs, signal);
        if (!taken.granted) continue;
        if (taken.waitMs === 0) break;
        await this.#untilOpen(buckets, turn);
        wanted = demands.filter(({ bucket }) => hasSlots(bucket));
      }
      // It may have been granted to a call that has ended.
      signal.throwIfAborted();
    } catch (error) {
      store.leave(buckets, lease.id);
      throw error;
    }
  }

  /** A bucket may have been closed while the call waited for its slot. */
  async #untilOpen(buckets: readonly Bucket[], { leftMs, signal }: Turn): Promise<void> {
    for (;;) {
      const rooms = await this.#options.store.rooms(buckets);
      const closedMs = Math.max(...rooms.map((room) => room.closedMs));
      if (closedMs <= 0) return;
      const by = buckets[rooms.findIndex((room) => room.closedMs === closedMs)];
      if (closedMs > leftMs()) throw rateLimited('limit_closed', closedMs, by);
      await this.#sleep(closedMs, signal);
    }
  }
}

function beyond({ isClosed, waitMs, by }: Taken): ServiceError {
  return rateLimited(isClosed ? 'limit_closed' : 'limit_reached', waitMs, by);
}

function queueOf(demands: readonly LimitDemand[]): FairQueue {
  const intervals = demands.map(({ bucket: { rate } }) =>
    rate === undefined ? 0 : intervalOf(rate),
  );
  const slowest = demands[intervals.indexOf(Math.max(...intervals))]?.bucket;
  const rejection = (): ServiceError =>
    rateLimited('limit_queue', queue.waiting * Math.max(...intervals), slowest);
  const queue = new FairQueue({
    maxRunning: 1,
    maxWaiting,
    queueTimeoutMs: maxWaitMs,
    minHoldMs: 0,
    rejection,
  });
  return queue;
}
