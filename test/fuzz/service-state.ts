import type { Test } from 'tap';
import { findLeaks, type Secrets } from '../support/leaks.ts';
import { residentMib } from '../support/resident-memory.ts';
import type { ServiceRun } from '../support/service-run.ts';
import type { HttpInput, Sender } from './inputs/http-input.ts';

/** The most heap that a fuzzed service gets: one that keeps something of every request ends. */
export const smallHeap = { NODE_OPTIONS: '--max-old-space-size=192' };

/** How a service does now: what a good request answers, how long it takes, what memory it holds. */
export interface ServiceState {
  readonly statuses: readonly number[];
  readonly medianMs: number;
  readonly residentMib: number;
}

/** Sends a good request this many times, one after the other. */
export async function measureState(
  service: ServiceRun,
  sender: Sender,
  good: () => HttpInput,
  calls: number,
): Promise<ServiceState> {
  const times: number[] = [];
  const statuses = new Set<number>();
  for (let i = 0; i < calls; i += 1) {
    const input = good();
    const began = performance.now();
    statuses.add((await sender.send(input)).status);
    times.push(performance.now() - began);
  }
  const median = times.sort((one, other) => one - other)[Math.floor(calls / 2)] ?? 0;
  return {
    statuses: [...statuses],
    medianMs: Math.round(median * 100) / 100,
    residentMib: residentMib(service.process.pid ?? 0),
  };
}

/** The service that was started still runs, answers as before, and has printed no secret. */
export function checkState(
  t: Test,
  service: ServiceRun,
  pid: number | undefined,
  states: { readonly before: ServiceState; readonly after: ServiceState },
  secrets: Secrets,
): void {
  const { before, after } = states;
  t.comment(`before: ${JSON.stringify(before)}, after: ${JSON.stringify(after)}`);
  t.equal(service.process.pid, pid, 'it is the same process');
  t.strictSame(after.statuses, before.statuses, 'it answers as before');
  t.same(findLeaks(service.output.text, secrets), [], 'it has printed no secret');
}
