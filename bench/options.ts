import { parseArgs } from 'node:util';
import { LocalError } from '../local/local-error.ts';
import { type CaseName, caseNames, isFullCase } from './cases/all.ts';
import { type FigureGroup, figureGroups, isFullGroup } from './figures/all.ts';

export interface BenchOptions {
  readonly json: boolean;
  /** Also write RESULTS.md, results.svg and results.json. */
  readonly save: boolean;
  /** Length of a round. */
  readonly seconds: number;
  readonly rounds: number;
  /** How often all processes are started; each start has its rounds. */
  readonly starts: number;
  readonly cases: readonly CaseName[];
  readonly figures: readonly FigureGroup[];
  /** Size of the streams through which memory is measured, MiB. */
  readonly mib: number;
  /** Times rejections of sessions instead, this often for each cause; 0: no. */
  readonly refusals: number;
  /** Loads the pair above the top, or below it for long, for this many seconds instead; 0: no. */
  readonly overload: number;
  readonly soak: number;
}

/** Reads the options of docs/bench.md. @throws LocalError */
export function readBenchOptions(args: readonly string[]): BenchOptions {
  const { json, save, full, only, seconds, rounds, starts, mib, refusals, overload, soak } =
    parseFlags(args);
  const chosen = only === undefined ? undefined : names(only);
  return {
    json,
    save,
    seconds: inRange('--seconds', Number(seconds), 0.1, 60),
    rounds: Math.round(inRange('--rounds', Number(rounds), 1, 100)),
    starts: Math.round(inRange('--starts', Number(starts), 1, 20)),
    cases: caseNames.filter((name) => chosen?.includes(name) ?? (full || !isFullCase(name))),
    figures: figureGroups.filter((name) => chosen?.includes(name) ?? (full || !isFullGroup(name))),
    mib: Math.round(inRange('--mib', Number(mib), 16, 4096)),
    refusals: Math.round(inRange('--refusals', Number(refusals), 0, 100_000)),
    overload: inRange('--overload', Number(overload), 0, 600),
    soak: inRange('--soak', Number(soak), 0, 3600),
  };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean', default: false },
        save: { type: 'boolean', default: false },
        full: { type: 'boolean', default: false },
        seconds: { type: 'string', default: '1' },
        rounds: { type: 'string', default: '5' },
        starts: { type: 'string', default: '1' },
        only: { type: 'string' },
        mib: { type: 'string', default: '1024' },
        refusals: { type: 'string', default: '0' },
        overload: { type: 'string', default: '0' },
        soak: { type: 'string', default: '0' },
      },
    }).values;
  } catch (error) {
    throw new LocalError((error as Error).message);
  }
}

function inRange(name: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw new LocalError(`${name} takes a number from ${min} to ${max}`);
}

function names(list: string): string[] {
  const all: readonly string[] = [...caseNames, ...figureGroups];
  const chosen = list.split(',');
  if (chosen.every((name) => all.includes(name))) return chosen;
  throw new LocalError(`--only takes some of ${all.join(',')}`);
}
