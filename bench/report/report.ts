import type { CaseName } from '../cases/all.ts';
import type { FigureName } from '../figures/all.ts';
import type { Figure } from '../figures/figure.ts';
import type { Cores } from '../machine/cores.ts';
import type { Result } from '../measure/measure.ts';
import type { Spread } from '../measure/median.ts';
import type { LoadTestReport } from '../measure/overload.ts';
import type { RefusalTiming } from '../measure/refusals.ts';
import { table } from './table.ts';
import type { Target } from './targets.ts';

/** The conditions of a run. */
export interface Setting {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  /** Undefined if processes were not pinned to cores. */
  readonly pinned: Cores | undefined;
  readonly concurrency: number;
  readonly seconds: number;
  /** Of each start. */
  readonly rounds: number;
  /** How often all processes were started. */
  readonly starts: number;
}

export interface Report {
  readonly setting: Setting;
  /** Cases that the machine lacks a program for. */
  readonly leftOut: readonly CaseName[];
  readonly results: readonly Result[];
  readonly figures: readonly Figure<FigureName>[];
  readonly targets: readonly Target[];
}

/** Writes a report as Markdown; ratios are to the peer in the same run. */
export function toMarkdown({ setting, leftOut, results, figures, targets }: Report): string {
  return [
    describe(setting, leftOut),
    ...(results.length > 0 ? ['', ...resultTable(results)] : []),
    ...(figures.length > 0 ? ['', ...figureTable(figures)] : []),
    ...(targets.length > 0 ? ['', ...targetTable(targets)] : []),
    '',
  ].join('\n');
}

function resultTable(results: readonly Result[]): string[] {
  const peer = results.find(({ name }) => name === 'peer');
  const ratio = (value: number, base?: number) => (base ? (value / base).toFixed(2) : '–');
  return table(
    [
      '',
      'CPU µs/request',
      'least to most',
      'to the peer',
      'req/s',
      'to the peer',
      'cores busy',
      'p50 ms',
      'p99 ms',
      'RSS MiB',
      'errors',
    ],
    results.map((result) => [
      result.title,
      result.cpuMicroseconds.toFixed(1),
      between(result.cpuSpread, 0),
      ratio(result.cpuMicroseconds, peer?.cpuMicroseconds),
      result.requestsPerSecond.toFixed(0),
      ratio(result.requestsPerSecond, peer?.requestsPerSecond),
      result.coresBusy.toFixed(2),
      result.p50Ms.toFixed(2),
      result.p99Ms.toFixed(2),
      result.residentMib.toFixed(0),
      String(result.errors),
    ]),
  );
}

function figureTable(figures: readonly Figure[]): string[] {
  const digits = { ms: 1, MiB: 0, 'requests/s': 0, times: 2 };
  return table(
    ['', 'unit', 'median', 'least to most'],
    figures.map(({ title, unit, value, spread }) => [
      title,
      unit,
      value.toFixed(digits[unit]),
      between(spread, digits[unit]),
    ]),
  );
}

function targetTable(targets: readonly Target[]): string[] {
  return table(
    ['target', 'measured', 'wanted', 'met'],
    targets.map(({ name, value, bound, target, met }) => [
      name,
      value.toFixed(2),
      `${bound} ${target.toFixed(2)}`,
      met ? 'yes' : 'no',
    ]),
  );
}

function between([min, max]: Spread, digits: number): string {
  return `${min.toFixed(digits)} to ${max.toFixed(digits)}`;
}

/** Writes the timing of rejections as Markdown. */
export function refusalsToMarkdown(timings: readonly RefusalTiming[]): string {
  const rows = timings.map(({ cause, requests, p50Ms, p90Ms }) => [
    cause,
    String(requests),
    p50Ms.toFixed(3),
    p90Ms.toFixed(3),
  ]);
  return [...table(['session_invalid', 'requests', 'p50 ms', 'p90 ms'], rows), ''].join('\n');
}

/** Writes the results of `overload` or `soak` as Markdown. */
export function loadTestToMarkdown({
  stretches,
  goodputToTop,
  residentMibByMinute,
}: LoadTestReport): string {
  const head = [
    '',
    'sent/s',
    'answered/s',
    'refused/s',
    'failed',
    'p50 ms',
    'p99 ms',
    'RSS MiB',
    'open files',
  ];
  const rows = stretches.map((one) => [
    one.what,
    one.offered.toFixed(0),
    one.goodput.toFixed(0),
    one.refused.toFixed(0),
    String(one.failed),
    one.p50Ms.toFixed(1),
    one.p99Ms.toFixed(1),
    String(one.residentMib),
    String(one.openFiles),
  ]);
  const sums = [
    ...(goodputToTop === undefined
      ? []
      : [`Of three times the top, ${goodputToTop.toFixed(2)} of the top was answered.`]),
    ...(residentMibByMinute === undefined
      ? []
      : [`RSS grew by ${residentMibByMinute.toFixed(1)} MiB a minute.`]),
  ];
  return [...table(head, rows), '', ...sums, ''].join('\n');
}

function describe(
  { cpu, cores, node, pinned, concurrency, seconds, rounds, starts }: Setting,
  leftOut: readonly CaseName[],
): string {
  const placing = pinned
    ? `services on core ${pinned.server}, load and upstream on core ${pinned.load}, a database on core ${pinned.database} (taskset)`
    : 'processes not kept on cores, so the load disturbs what it measures';
  return [
    `${cpu}, ${cores} cores; Node ${node}; ${placing}.`,
    `${concurrency} callers but where a case says otherwise, plain HTTP on loopback, logs on; medians of ${rounds} interleaved rounds of ${seconds} s${starts > 1 ? ` for each of ${starts} starts of all processes` : ''}.`,
    ...(leftOut.length > 0
      ? [`Left out, as the machine has no such thing: ${leftOut.join(', ')}.`]
      : []),
  ].join('\n');
}
