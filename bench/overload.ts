import { readdirSync } from 'node:fs';
import { residentMib } from '../test/support/resident-memory.ts';
import type { Arrangement } from './arrangement.ts';
import { baseCalls } from './cases/case.ts';
import type { LoadOutcome } from './load-run.ts';
import { orderLoad } from './measure.ts';
import { concurrency } from './system.ts';

/** One stretch of time under a load. */
export interface Stretch {
  readonly what: string;
  /** Requests a second that were sent, and that were answered by 200. */
  readonly offered: number;
  readonly goodput: number;
  readonly refused: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of SecureProxy at the end of it. */
  readonly residentMib: number;
  readonly openFiles: number;
}

export type LoadTest = 'overload' | 'soak';

/** Enough that an answer which takes a second holds nothing up. */
const manyConnections = 3000;
/** Until its code is compiled as in long use. */
const warmUpSeconds = 15;
const topSeconds = 5;
const settleSeconds = 5;

/**
 * `overload`: the most that warm calls come to, three times that for `seconds`, and the five seconds after.
 * `soak`: seven tenths of it for `seconds`, in six stretches, so that growth shows.
 */
export async function loadTest(
  arrangement: Arrangement,
  test: LoadTest,
  seconds: number,
  progress: (what: string) => void,
): Promise<Stretch[]> {
  const { load, warmProxy } = arrangement;
  const order = baseCalls(arrangement, { to: warmProxy });
  const stretches: Stretch[] = [];
  const run = async (what: string, length: number, ratePerSecond?: number) => {
    progress(what);
    const rate = ratePerSecond === undefined ? { concurrency } : { ratePerSecond };
    const outcome = await orderLoad(load, {
      ...order(),
      concurrency: manyConnections,
      ...rate,
      seconds: length,
    });
    const stretch = { what, ...rates(outcome), ...sizeOf(warmProxy.pid) };
    stretches.push(stretch);
    return stretch;
  };
  await run('warming up', warmUpSeconds);
  const { goodput: top } = await run('top', topSeconds);
  if (test === 'overload') {
    await run('three times the top', seconds, top * 3);
    await run('right after', settleSeconds, top / 2);
    await run('then', settleSeconds, top / 2);
  } else {
    const parts = 6;
    for (let part = 1; part <= parts; part++) {
      await run(`seven tenths of the top, ${part} of ${parts}`, seconds / parts, top * 0.7);
    }
  }
  return stretches;
}

function rates({ requests, errors, refused, seconds, p50Ms, p99Ms }: LoadOutcome) {
  return {
    offered: requests / seconds,
    goodput: (requests - errors) / seconds,
    refused: refused / seconds,
    failed: errors - refused,
    p50Ms,
    p99Ms,
  };
}

function sizeOf(pid: number) {
  return { residentMib: residentMib(pid), openFiles: readdirSync(`/proc/${pid}/fd`).length };
}
