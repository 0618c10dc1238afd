import type { Rate } from '../../shared/policy/limit.ts';

/** Time between two requests of a steady flow, milliseconds. */
export function intervalOf({ requests, seconds }: Rate): number {
  return (seconds * 1000) / requests;
}

/**
 * When a request may start by the generic cell rate algorithm (ITU-T I.371, "virtual scheduling"): a request that costs
 * more than the burst waits for a whole one.
 * @param arrivalMs when the next request of a steady flow would be due; of an unused rate any time before now
 * @param fromMs the earliest time that the request could start
 */
export function startOf(rate: Rate, arrivalMs: number, fromMs: number, cost: number): number {
  return Math.max(fromMs, arrivalMs - (rate.burst - Math.min(cost, rate.burst)) * intervalOf(rate));
}

export function arrivalAfter(rate: Rate, arrivalMs: number, startMs: number, cost: number): number {
  return Math.max(arrivalMs, startMs) + cost * intervalOf(rate);
}

/** How many requests of cost 1 count still at `nowMs`: more than the burst if some wait for their time. */
export function usedOf(rate: Rate, arrivalMs: number, nowMs: number): number {
  // Sums of intervals are off by less than this.
  return Math.max(0, Math.ceil((arrivalMs - nowMs) / intervalOf(rate) - 1e-6));
}

/** The part of a rate that one of several processes may use by itself. */
export function shareOf(rate: Rate, processes: number): Rate {
  const burst = Math.max(1, Math.floor(rate.burst / processes));
  return { ...rate, seconds: rate.seconds * processes, burst };
}
