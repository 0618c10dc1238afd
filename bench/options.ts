import { parseArgs } from 'node:util';
import { LocalError } from '../local/local-error.ts';
import { type CaseName, caseNames } from './cases.ts';

export interface BenchOptions {
  readonly json: boolean;
  /** Also write RESULTS.md and results.svg. */
  readonly save: boolean;
  /** Length of a round. */
  readonly seconds: number;
  readonly rounds: number;
  /** Names of cases; undefined: all. */
  readonly only: readonly CaseName[] | undefined;
  /** Time refusals of sessions instead, this often for each cause; 0: no. */
  readonly refusals: number;
  /** Past the top, or below it for long, instead, for so many seconds; 0: no. */
  readonly overload: number;
  readonly soak: number;
}

/** Reads `--json`, `--save`, `--seconds N`, `--rounds N`, `--only NAME,…`, and what is done instead. @throws LocalError */
export function readBenchOptions(args: readonly string[]): BenchOptions {
  const { json, save, seconds, rounds, only, refusals, overload, soak } = parseFlags(args);
  return {
    json,
    save,
    seconds: inRange('--seconds', Number(seconds), 0.1, 60),
    rounds: Math.round(inRange('--rounds', Number(rounds), 1, 100)),
    only: only === undefined ? undefined : names(only),
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
        seconds: { type: 'string', default: '1' },
        rounds: { type: 'string', default: '5' },
        only: { type: 'string' },
        refusals: { type: 'string', default: '0' },
        overload: { type: 'string', default: '0' },
        soak: { type: 'string', default: '0' },
      },
    }).values;
  } catch (error) {
    throw new LocalError((error as Error).message);
  }
}

function inRange(name: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new LocalError(`${name} takes a number from ${least} to ${most}`);
}

function names(list: string): CaseName[] {
  return list.split(',').map((text) => {
    const name = caseNames.find((one) => one === text);
    if (name === undefined) throw new LocalError(`--only takes some of ${caseNames.join(',')}`);
    return name;
  });
}
