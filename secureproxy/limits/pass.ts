import type { IncomingHttpHeaders } from 'node:http';
import type { LimitSignal } from '../../shared/policy/schema.ts';
import { decodedStart } from '../scrub/decoded-start.ts';
import { type LimitDemand, signalledOf } from './demands.ts';
import { type BodyObserver, limitBodyObserver } from './limit-bodies.ts';
import { bodySignalOf, signalOf } from './rate-limit-headers.ts';
import { bucketsOf, hasSlots, type Lease, type LimitStore } from './store.ts';

/** A call's share of the limits of its type, once taken. */
export interface Pass {
  /**
   * Tells the limits what an answer's head says of them. Returns what its body is to be shown to, if that may say more.
   * @param isDecoded whether the body is shown without its `Content-Encoding`
   */
  onAnswer(
    status: number,
    headers: IncomingHttpHeaders,
    isDecoded: boolean,
  ): BodyObserver | undefined;
  end(): void;
}

interface PassOptions {
  readonly store: LimitStore;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;
  readonly signal: LimitSignal;
  readonly demands: readonly LimitDemand[];
  readonly lease: Lease;
}

export function passOf({ store, now, sleep, signal, demands, lease }: PassOptions): Pass {
  const slots = bucketsOf(demands).filter(hasSlots);
  const ended = slots.length === 0 ? undefined : new AbortController();
  if (ended !== undefined) void keep(ended.signal);
  return {
    onAnswer: (status, headers, isDecoded) => {
      close(signalOf(signal, status, headers, now()));
      if (status >= 400 && status <= 499) {
        for (const { bucket, cost, limit } of demands) {
          const more = (limit?.errorCost ?? cost) - cost;
          if (more > 0) store.charge(bucket, more);
        }
      }
      const decode = (start: Buffer) => (isDecoded ? start : decodedStart(start, headers));
      return limitBodyObserver(signal, status, decode, () =>
        close(bodySignalOf(signal, headers, now())),
      );
    },
    end: () => {
      if (ended === undefined) return;
      ended.abort();
      store.leave(slots, lease.id);
    },
  };

  function close(closeMs: number | undefined): void {
    const closed = closeMs === undefined ? undefined : signalledOf(demands);
    if (closeMs !== undefined && closed !== undefined) store.close(closed, closeMs);
  }

  async function keep(over: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(lease.ms / 3, over).catch(() => undefined);
      if (over.aborted) return;
      store.renew(slots, lease);
    }
  }
}
