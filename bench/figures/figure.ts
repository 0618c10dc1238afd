import { median, type Spread, spread } from '../measure/median.ts';
import type { Arrangement } from '../pair/arrangement.ts';

/** The median of all rounds of a measurement that is not CPU a request. */
export interface Figure<Name extends string = string> {
  readonly name: Name;
  readonly title: string;
  readonly unit: 'ms' | 'MiB' | 'requests/s' | 'times';
  readonly value: number;
  readonly spread: Spread;
}

export interface FigureContext extends Arrangement {
  /** Length of a round. */
  readonly seconds: number;
  readonly rounds: number;
  /** Size of the streams through which memory is measured, MiB. */
  readonly mib: number;
  readonly progress: (what: string) => void;
}

export function figure<Name extends string>(
  name: Name,
  title: string,
  unit: Figure['unit'],
  values: readonly number[],
): Figure<Name> {
  return { name, title, unit, value: median(values), spread: spread(values) };
}
