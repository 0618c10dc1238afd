import { readdirSync } from 'node:fs';
import { residentMib } from '../../test/support/resident-memory.ts';
import { baseCalls } from '../cases/case.ts';
import type { LoadOutcome } from '../load/order.ts';
import type { Arrangement } from '../pair/arrangement.ts';
import { concurrency } from '../pair/system.ts';
import { orderLoad } from './measure.ts';

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

export interface LoadTestReport {
  readonly stretches: readonly Stretch[];
  /** Of an overload: what was answered of three times the top, to the mean of the tops before and after. */
  readonly goodputToTop?: number;
  /** Of a soak: how SecureProxy's resident memory grew from the first of its stretches to the last. */
  readonly residentMibByMinute?: number;
}

export type LoadTest = 'overload' | 'soak';

/** Enough that an answer which takes a second holds nothing up. */
const manyConnections = 3000;
/** Until its code is compiled as in long use. */
const warmUpSeconds = 15;
const topSeconds = 5;
const settleSeconds = 5;
/** Until the heap has once been as large as too much work makes it; V8 gives little of it back. */
const fillSeconds = 30;
const soakStretches = 6;

/**
 * `overload`: the most that warm calls come to, three times that for `seconds`, the five seconds after, and the most
 * once more, since machines change their pace.
 * `soak`: too much for a while, then seven tenths of the most for `seconds`, in six stretches, so that growth shows.
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
    const { goodput } = await run('three times the top', seconds, top * 3);
    await run('right after', settleSeconds, top / 2);
    await run('then', settleSeconds, top / 2);
    const after = await run('top again', topSeconds);
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

/** How much values grow from one to the next, by least squares. */
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
