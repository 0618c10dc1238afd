import type { Result } from '../measure/measure.ts';
import { median, spread } from '../measure/median.ts';
import type { Report } from './report.ts';
import { judgeTargets } from './targets.ts';

/**
 * Makes one report of those of several starts, which have the same cases: all their rounds count alike, and of what is
 * not by round, the median of the starts. Figures are those of the first.
 */
export function merge(reports: readonly [Report, ...Report[]]): Report {
  const [{ setting, leftOut, results: firsts, figures }] = reports;
  const results = firsts.map(({ name }) =>
    mergeResults(reports.flatMap(({ results }) => results.filter((one) => one.name === name))),
  );
  return {
    setting: { ...setting, starts: reports.length },
    ...{ leftOut, results, figures },
    targets: judgeTargets(results, figures),
  };
}

function mergeResults(starts: readonly Result[]): Result {
  const [{ name, title, cpuByPart }] = starts as [Result];
  const sum = (value: (one: Result) => number) => starts.reduce((all, one) => all + value(one), 0);
  const middle = (value: (one: Result) => number) => median(starts.map(value));
  const rounds = starts.flatMap((one) => one.rounds);
  const cpu = rounds.map(({ cpuMicroseconds }) => cpuMicroseconds);
  return {
    ...{ name, title },
    requests: sum(({ requests }) => requests),
    errors: sum(({ errors }) => errors),
    requestsPerSecond: median(rounds.map(({ requestsPerSecond }) => requestsPerSecond)),
    cpuMicroseconds: median(cpu),
    cpuSpread: spread(cpu),
    rounds,
    cpuByPart: Object.fromEntries(
      Object.keys(cpuByPart).map((part) => [part, middle((one) => one.cpuByPart[part] ?? 0)]),
    ),
    residentMib: middle(({ residentMib }) => residentMib),
    coresBusy: middle(({ coresBusy }) => coresBusy),
    p50Ms: middle(({ p50Ms }) => p50Ms),
    p99Ms: middle(({ p99Ms }) => p99Ms),
  };
}
