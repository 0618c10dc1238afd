import { setTimeout as sleep } from 'node:timers/promises';
import { LocalError } from '../../local/local-error.ts';
import { residentMib } from '../../test/support/resident-memory.ts';
import type { CaseName, NamedCase } from '../cases/all.ts';
import type { LoadOrder, LoadOutcome } from '../load/order.ts';
import { createCpuReader } from '../machine/cpu.ts';
import type { Part } from '../machine/parts.ts';
import { median, type Spread, spread } from './median.ts';

export interface MeasureOptions {
  /** The load generator. */
  readonly load: Part;
  /** Length of a round. */
  readonly seconds: number;
  readonly rounds: number;
  readonly progress: (what: string) => void;
}

/** CPU a request and rate of one round. */
export interface RoundCost {
  readonly cpuMicroseconds: number;
  readonly requestsPerSecond: number;
}

/** A case over all rounds: medians, except for `requests` and `errors`, which are sums. */
export interface Result {
  readonly name: CaseName;
  readonly title: string;
  readonly requests: number;
  readonly errors: number;
  readonly requestsPerSecond: number;
  /** User and system time of the measured processes, microseconds a request. */
  readonly cpuMicroseconds: number;
  readonly cpuSpread: Spread;
  /** For ratios by round, since rounds of equal index are close together in time. */
  readonly rounds: readonly RoundCost[];
  /** The same for each process by its title, uncounted ones such as a database included. */
  readonly cpuByPart: Readonly<Record<string, number>>;
  /** Resident memory of the measured processes after a round. */
  readonly residentMib: number;
  /** CPU time as a share of one core: near 1, the measured side was the limit. */
  readonly coresBusy: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Round extends LoadOutcome {
  readonly cpuSeconds: number;
  readonly cpuSecondsByPart: Readonly<Record<string, number>>;
  readonly residentMib: number;
}

/** Longer than a round by the time for connections and the last answers. */
const graceMs = 60_000;
/** Bounds the time on a busy machine; the rounds of one need not be exact. */
const warmUpRoundsByRound = 4;
const logPollMs = 10;
const maxLogPolls = 200;

/**
 * Measures all cases in interleaved rounds after a warm-up. A noisy neighbour then hits every case, and medians
 * leave it out.
 * @throws LocalError if the log shows that a case did not measure what its title says
 */
export async function measure(
  cases: readonly NamedCase[],
  options: MeasureOptions,
): Promise<Result[]> {
  const readCpu = createCpuReader();
  const run = async (one: NamedCase): Promise<Round> => {
    const { measured, beside, passes, name, concurrency, order } = one;
    const { seconds, load } = options;
    const full: LoadOrder = { ...(await order()), concurrency, seconds };
    const linesBefore = passes.map(({ log }) => log.lines);
    const parts = [...measured, ...beside];
    const cpuBefore = parts.map(({ pid }) => readCpu(pid));
    const outcome = await orderLoad(load, full);
    const cpu = parts.map(({ pid }, i) => readCpu(pid) - (cpuBefore[i] ?? 0));
    // A failed request may or may not have been logged.
    const whole = outcome.errors === 0 ? passes.entries() : [];
    for (const [i, { log }] of whole) {
      await checkLogged(name, log, (linesBefore[i] ?? 0) + outcome.requests);
    }
    return {
      ...outcome,
      cpuSeconds: sum(cpu.slice(0, measured.length)),
      cpuSecondsByPart: Object.fromEntries(parts.map(({ title }, i) => [title, cpu[i] ?? 0])),
      residentMib: sum(measured.map(({ pid }) => residentMib(pid))),
    };
  };
  options.progress('warming up');
  for (const one of cases) {
    let requests = 0;
    const maxRounds = Math.max(1, warmUpRoundsByRound * (options.rounds - 1));
    for (let round = 0; round < maxRounds && requests < one.warmUpRequests; round++) {
      requests += (await run(one)).requests;
    }
  }
  const rounds: Round[][] = cases.map(() => []);
  for (let round = 1; round <= options.rounds; round++) {
    options.progress(`round ${round} of ${options.rounds}`);
    for (const [i, one] of cases.entries()) rounds[i]?.push(await run(one));
  }
  return cases.map(({ name, title }, i) => ({ name, title, ...summarise(rounds[i] ?? []) }));
}

function summarise(rounds: readonly Round[]) {
  const costs = rounds.map(({ cpuSeconds, requests, seconds }) => ({
    cpuMicroseconds: (cpuSeconds * 1e6) / requests,
    requestsPerSecond: requests / seconds,
  }));
  const cpu = costs.map(({ cpuMicroseconds }) => cpuMicroseconds);
  const all = (value: (round: Round) => number) => sum(rounds.map(value));
  const middle = (value: (round: Round) => number) => median(rounds.map(value));
  const titles = Object.keys(rounds[0]?.cpuSecondsByPart ?? {});
  return {
    requests: all(({ requests }) => requests),
    errors: all(({ errors }) => errors),
    requestsPerSecond: median(costs.map(({ requestsPerSecond }) => requestsPerSecond)),
    cpuMicroseconds: median(cpu),
    cpuSpread: spread(cpu),
    rounds: costs,
    cpuByPart: Object.fromEntries(
      titles.map((title) => [
        title,
        middle(
          ({ cpuSecondsByPart, requests }) => ((cpuSecondsByPart[title] ?? 0) * 1e6) / requests,
        ),
      ]),
    ),
    residentMib: middle(({ residentMib }) => residentMib),
    coresBusy: middle(({ cpuSeconds, seconds }) => cpuSeconds / seconds),
    p50Ms: middle(({ p50Ms }) => p50Ms),
    p99Ms: middle(({ p99Ms }) => p99Ms),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((all, one) => all + one, 0);
}

export async function orderLoad(load: Part, order: LoadOrder): Promise<LoadOutcome> {
  const response = await fetch(load.origin, {
    method: 'POST',
    body: JSON.stringify(order),
    signal: AbortSignal.timeout(Math.ceil(order.seconds * 1000) + graceMs),
  });
  return (await response.json()) as LoadOutcome;
}

/** Waits until the log has this many lines. */
async function checkLogged(name: CaseName, log: Part['log'], lines: number): Promise<void> {
  for (let left = maxLogPolls; log.lines < lines; left--) {
    if (left === 0) {
      throw new LocalError(`${name}: a service logged ${lines - log.lines} requests too few`);
    }
    await sleep(logPollMs);
  }
}
