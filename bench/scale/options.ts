import { parseArgs } from 'node:util';
import { LocalError } from '../../local/local-error.ts';
import type { Deployment } from './simulate.ts';

export interface ScaleOptions {
  /** Also put the tables into docs/scale.md. */
  readonly save: boolean;
  /** One deployment in place of the tables. */
  readonly deployment: Omit<Deployment, 'costs'> | undefined;
}

/** Reads what docs/scale.md shows. @throws LocalError */
export function readScaleOptions(args: readonly string[]): ScaleOptions {
  const { save, rate, ...rest } = parseFlags(args);
  if (rate === undefined) return { save, deployment: undefined };
  const whole = (name: 'proxies' | 'keyservers' | 'databases' | 'requests' | 'seed') =>
    Math.round(inRange(name, rest[name], 1, 10_000_000));
  return {
    save,
    deployment: {
      arrivals: { kind: 'poisson', rate: inRange('rate', rate, 1, 1e9) },
      hitRatio: inRange('hit', rest.hit, 0, 1),
      proxies: whole('proxies'),
      keyservers: whole('keyservers'),
      databases: whole('databases'),
      requests: whole('requests'),
      seed: whole('seed'),
    },
  };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        save: { type: 'boolean', default: false },
        rate: { type: 'string' },
        hit: { type: 'string', default: '0.99' },
        proxies: { type: 'string', default: '1' },
        keyservers: { type: 'string', default: '1' },
        databases: { type: 'string', default: '1' },
        requests: { type: 'string', default: '200000' },
        seed: { type: 'string', default: '1' },
      },
    }).values;
  } catch (error) {
    throw new LocalError((error as Error).message);
  }
}

function inRange(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new LocalError(`--${name} takes a number from ${least} to ${most}`);
}
