import { readdirSync } from 'node:fs';
import { residentMib } from '../../test/support/resident-memory.ts';
import { baseCalls } from '../cases/case.ts';
import type { LoadOutcome } from '../load/order.ts';
import type { Arrangement } from '../pair/arrangement.ts';
import { concurrency } from '../pair/system.ts';
import { orderLoad } from './measure.ts';

export interface Stretch {
  readonly what: string;
  /** Sent requests a second; {@link goodput} are those answered by 200. */
  readonly offered: number;
  readonly goodput: number;
  readonly refused: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of SecureProxy at the end of the stretch. */
  readonly residentMib: number;
  readonly openFiles: number;
}

export interface LoadTestReport {
  readonly stretches: readonly Stretch[];
  /** With `overload`: goodput at three times the top, relative to the mean of the tops before and after. */
  readonly goodputToTop?: number;
  /** With `soak`: growth of SecureProxy's resident memory from the first stretch to the last. */
  readonly residentMibByMinute?: number;
}

export type LoadTest = 'overload' | 'soak';

/** Enough that answers which take a second delay no request. */
const manyConnections = 3000;
/** Until the code is compiled as in long use. */
const warmUpSeconds = 15;
const topSeconds = 5;
const settleSeconds = 5;
/** Until the heap has reached the size of an overload; V8 gives little of it back. */
const fillSeconds = 30;
const soakStretches = 6;

/**
 * `overload`: the top rate of warm calls, three times that for `seconds`, the five seconds after, and the top once
 * more, since machines change their pace.
 * `soak`: an overload for a while, then seven tenths of the top for `seconds`, in six stretches that show growth.
 * Below a second, to try it, every stretch is shortened in proportion.
 */
export async function loadTest(
  arrangement: Arrangement,
  test: LoadTest,
  seconds: number,
  progress: (what: string) => void,
): Promise<LoadTestReport> {
  const { load, warmProxy } = arrangement;
  const order = baseCalls(arrangement, { to: warmProxy });
  const stretches: Stretch[] = [];
  const scale = Math.min(1, seconds);
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
  await run('warming up', warmUpSeconds * scale);
  const { goodput: top } = await run('top', topSeconds * scale);
  if (test === 'overload') {
    const { goodput } = await run('three times the top', seconds, top * 3);
    await run('right after', settleSeconds * scale, top / 2);
    await run('then', settleSeconds * scale, top / 2);
    const after = await run('top again', topSeconds * scale);
    return { stretches, goodputToTop: goodput / ((top + after.goodput) / 2) };
  }
  await run('three times the top', Math.min(seconds, fillSeconds), top * 3);
  const soak: Stretch[] = [];
  for (let part = 1; part <= soakStretches; part++) {
    const what = `seven tenths of the top, ${part} of ${soakStretches}`;
    soak.push(await run(what, seconds / soakStretches, top * 0.7));
  }
  const minutes = seconds / soakStretches / 60;
  return { stretches, residentMibByMinute: slope(soak.map((one) => one.residentMib)) / minutes };
}

/** Growth from one value to the next, by least squares. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const sum = (of: (value: number, from: number) => number) =>
    values.reduce((all, value, i) => all + of(value, i - middle), 0);
  return sum((value, from) => value * from) / sum((_, from) => from * from);
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
