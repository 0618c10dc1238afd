import { setTimeout as sleep } from 'node:timers/promises';
import { LocalError } from '../local/local-error.ts';
import type { Part } from './arrangement.ts';
import type { Case, CaseName } from './cases.ts';
import { createCpuReader } from './cpu.ts';
import type { LoadOrder, LoadOutcome } from './load-run.ts';

export interface MeasureOptions {
  /** The load generator. */
  readonly load: Part;
  /** Length of a round. */
  readonly seconds: number;
  readonly rounds: number;
  readonly progress: (what: string) => void;
}

/** A case over all rounds: medians, but `requests` and `errors`, which are sums. */
export interface Result {
  readonly name: CaseName;
  readonly title: string;
  readonly requests: number;
  readonly errors: number;
  readonly requestsPerSecond: number;
  /** User and system time of the measured processes, microseconds a request. */
  readonly cpuMicroseconds: number;
  /** The least and the most of it that a round had. */
  readonly cpuSpread: readonly [least: number, most: number];
  /** The same time as a share of one core: near 1, the measured side was the limit. */
  readonly coresBusy: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Round extends LoadOutcome {
  readonly cpuSeconds: number;
}

/** Beyond the length of a round: making connections, and the last answers. */
const graceMs = 20_000;
/** The whole must end in good time on a busy machine, too. */
const maxWarmUpRounds = 3;
const logPollMs = 10;
const maxLogPolls = 200;

/**
 * Measures all cases in interleaved rounds, after some of each that do not count. A noisy
 * neighbour then hits every case, and medians leave it out.
 * @throws LocalError where a case was not what it says, as its log lines show
 */
export async function measure(cases: readonly Case[], options: MeasureOptions): Promise<Result[]> {
  const readCpu = createCpuReader();
  const cpuOf = (parts: readonly Part[]) => parts.reduce((sum, { pid }) => sum + readCpu(pid), 0);
  const run = async ({ measured, passes, name, concurrency, order }: Case): Promise<Round> => {
    const { seconds, load } = options;
    const full: LoadOrder = { ...(await order()), concurrency, seconds };
    const linesBefore = passes.map(({ log }) => log.lines);
    const cpuBefore = cpuOf(measured);
    const outcome = await orderLoad(load, full);
    const cpuSeconds = cpuOf(measured) - cpuBefore;
    // A failed request may have been logged or not.
    const whole = outcome.errors === 0 ? passes.entries() : [];
    for (const [i, { log }] of whole) {
      await checkLogged(name, log, (linesBefore[i] ?? 0) + outcome.requests);
    }
    return { ...outcome, cpuSeconds };
  };
  options.progress('warming up');
  for (const one of cases) {
    let requests = 0;
    const most = Math.min(maxWarmUpRounds, options.rounds);
    for (let round = 0; round < most && requests < one.warmUpRequests; round++) {
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
  const costs = rounds.map(({ cpuSeconds, requests }) => (cpuSeconds * 1e6) / requests);
  const sum = (value: (round: Round) => number) => rounds.reduce((all, one) => all + value(one), 0);
  const middle = (value: (round: Round) => number) => median(rounds.map(value));
  return {
    requests: sum(({ requests }) => requests),
    errors: sum(({ errors }) => errors),
    requestsPerSecond: middle(({ requests, seconds }) => requests / seconds),
    cpuMicroseconds: median(costs),
    cpuSpread: [Math.min(...costs), Math.max(...costs)] as const,
    coresBusy: middle(({ cpuSeconds, seconds }) => cpuSeconds / seconds),
    p50Ms: middle(({ p50Ms }) => p50Ms),
    p99Ms: middle(({ p99Ms }) => p99Ms),
  };
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const [low = Number.NaN, high = low] = sorted.slice(Math.ceil(half) - 1, Math.floor(half) + 1);
  return (low + high) / 2;
}

export async function orderLoad(load: Part, order: LoadOrder): Promise<LoadOutcome> {
  const response = await fetch(load.origin, {
    method: 'POST',
    body: JSON.stringify(order),
    signal: AbortSignal.timeout(order.seconds * 1000 + graceMs),
  });
  return (await response.json()) as LoadOutcome;
}

/** Waits until the log has come to this many lines. */
async function checkLogged(name: CaseName, log: Part['log'], lines: number): Promise<void> {
  for (let left = maxLogPolls; log.lines < lines; left--) {
    if (left === 0) {
      throw new LocalError(`${name}: a service logged ${lines - log.lines} requests too few`);
    }
    await sleep(logPollMs);
  }
}
