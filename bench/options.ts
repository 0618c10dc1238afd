import { parseArgs } from 'node:util';
import { LocalError } from '../local/local-error.ts';

export interface BenchOptions {
  readonly json: boolean;
  /** Length of a round. */
  readonly seconds: number;
  readonly rounds: number;
}

/** Reads `--json`, `--seconds N`, `--rounds N`. @throws LocalError */
export function readBenchOptions(args: readonly string[]): BenchOptions {
  const { json, seconds, rounds } = parseFlags(args);
  return {
    json,
    seconds: inRange('--seconds', Number(seconds), 0.1, 60),
    rounds: Math.round(inRange('--rounds', Number(rounds), 1, 100)),
  };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean', default: false },
        seconds: { type: 'string', default: '2' },
        rounds: { type: 'string', default: '5' },
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
