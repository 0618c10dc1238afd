import type { IncomingHttpHeaders } from 'node:http';
import type { LimitSignal } from '../../shared/policy/schema.ts';
import type { LimitDemand } from './demands.ts';
import { signalOf } from './signals.ts';
import type { Bucket, LimitStore } from './store.ts';

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
  readonly signal: LimitSignal;
  readonly demands: readonly LimitDemand[];
  readonly leaseId: string;
}

export function passOf({ store, now, signal, demands, leaseId }: PassOptions): Pass {
  return {
    onAnswer: (status, headers) => {
      const closeMs = signalOf(signal, status, headers, now());
      const last = demands.at(-1);
      if (closeMs !== undefined && last !== undefined) store.close(last.bucket, closeMs);
      if (status < 400 || status > 499) return;
      for (const { bucket, cost, limit } of demands) {
        const more = (limit?.errorCost ?? cost) - cost;
        if (more > 0) store.charge(bucket, more);
      }
    },
    end: () => store.leave(slotsOf(demands), leaseId),
  };
}

function slotsOf(demands: readonly LimitDemand[]): Bucket[] {
  return demands.map(({ bucket }) => bucket).filter(({ concurrent }) => concurrent !== undefined);
}
