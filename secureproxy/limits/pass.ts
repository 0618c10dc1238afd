import type { IncomingHttpHeaders } from 'node:http';
import type { LimitSignal } from '../../shared/policy/schema.ts';
import { type LimitDemand, signalledOf } from './demands.ts';
import { signalOf } from './signals.ts';
import { hasSlots, type Lease, type LimitStore } from './store.ts';

/** A call's share of the limits of its type, once taken. */
export interface Pass {
  /** Tells the limits what an answer's head says of them. */
  onAnswer(status: number, headers: IncomingHttpHeaders): void;
  /** Gives its slots back. */
  end(): void;
}

export interface PassOptions {
  readonly store: LimitStore;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;
  readonly signal: LimitSignal;
  readonly demands: readonly LimitDemand[];
  /** That of its slots, which is renewed until the end. */
  readonly lease: Lease;
}

export function passOf({ store, now, sleep, signal, demands, lease }: PassOptions): Pass {
  const slots = demands.map(({ bucket }) => bucket).filter(hasSlots);
  const ended = new AbortController();
  if (slots.length > 0) void keep();
  return {
    onAnswer: (status, headers) => {
      const closeMs = signalOf(signal, status, headers, now());
      const closed = closeMs === undefined ? undefined : signalledOf(demands);
      if (closeMs !== undefined && closed !== undefined) store.close(closed, closeMs);
      if (status < 400 || status > 499) return;
      for (const { bucket, cost, limit } of demands) {
        const more = (limit?.errorCost ?? cost) - cost;
        if (more > 0) store.charge(bucket, more);
      }
    },
    end: () => {
      ended.abort();
      if (slots.length > 0) store.leave(slots, lease.id);
    },
  };

  async function keep(): Promise<void> {
    for (;;) {
      await sleep(lease.ms / 3, ended.signal).catch(() => undefined);
      if (ended.signal.aborted) return;
      store.renew(slots, lease);
    }
  }
}
