import { readFileSync } from 'node:fs';

const pauseMs = 20;
const bytesPerMib = 1024 ** 2;

/** Resident memory of a process over some time, MiB. */
export interface ResidentMemory {
  /** The lowest of the later half: garbage that lies about for a moment does not count. */
  readonly floorMib: number;
  readonly peakMib: number;
}

/** Watches a process while `work` runs. Linux only. */
export async function watchMemory(
  pid: number,
  work: () => Promise<unknown>,
): Promise<ResidentMemory> {
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(residentMib(pid)), pauseMs);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  samples.push(residentMib(pid));
  return {
    floorMib: Math.min(...samples.slice(Math.floor(samples.length / 2))),
    peakMib: Math.max(...samples),
  };
}

/** Resident memory of a process now, MiB. */
export function residentMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return Math.round((kib * 1024) / bytesPerMib);
}
