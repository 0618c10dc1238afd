/**
 * Preloaded into a service by NODE_OPTIONS. The first SIGUSR2 starts measuring the delay of the event loop, the
 * second one writes the result to LOOP_DELAY_FILE.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface LoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const resolutionMs = 1;
const delay = monitorEventLoopDelay({ resolution: resolutionMs });

process.on('SIGUSR2', () => {
  if (delay.enable()) return;
  delay.disable();
  // Node's values include the interval between two samples.
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolutionMs);
  const measured: LoopDelay = {
    p50Ms: late(delay.percentile(50)),
    p99Ms: late(delay.percentile(99)),
    maxMs: late(delay.max),
  };
  const file = String(process.env.LOOP_DELAY_FILE);
  writeFileSync(`${file}.part`, JSON.stringify(measured));
  renameSync(`${file}.part`, file);
});
