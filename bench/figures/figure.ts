import { median, type Spread, spread } from '../measure/median.ts';
import type { Arrangement } from '../pair/arrangement.ts';

/** Something measured that is no CPU a request: the median of the rounds. */
export interface Figure<Name extends string = string> {
  readonly name: Name;
  readonly title: string;
  readonly unit: 'ms' | 'MiB' | 'requests/s' | 'times';
  readonly value: number;
  /** The least and the most that a round had. */
  readonly spread: Spread;
}

export interface FigureContext extends Arrangement {
  /** Length of a round. */
  readonly seconds: number;
  readonly rounds: number;
  /** How much is streamed to look at memory, MiB. */
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
