import { cpus } from 'node:os';
import { createCases } from './cases/all.ts';
import { measureFigures } from './figures/all.ts';
import { measure } from './measure/measure.ts';
import type { BenchOptions } from './options.ts';
import type { Arrangement } from './pair/arrangement.ts';
import { concurrency } from './pair/system.ts';
import type { Report } from './report/report.ts';
import { judgeTargets } from './report/targets.ts';

/** Measures the chosen cases, then the chosen figures, and judges them by the targets. */
export async function bench(
  arrangement: Arrangement,
  options: BenchOptions,
  progress: (what: string) => void,
): Promise<Report> {
  const { seconds, rounds, mib } = options;
  const { load, parts } = arrangement;
  const cases = await createCases(arrangement, { names: options.cases, seconds });
  const results = await measure(cases, { load, seconds, rounds, progress });
  const context = { ...arrangement, seconds, rounds, mib, progress };
  const figures = await measureFigures(context, options.figures);
  const [cpu] = cpus();
  return {
    setting: {
      cpu: cpu?.model ?? 'unknown CPU',
      cores: cpus().length,
      node: process.versions.node,
      pinned: parts.cores,
      concurrency,
      seconds,
      rounds,
      starts: 1,
    },
    leftOut: options.cases.filter((name) => !cases.some((one) => one.name === name)),
    results,
    figures,
    targets: judgeTargets(results, figures),
  };
}
