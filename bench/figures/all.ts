import type { Figure, FigureContext } from './figure.ts';
import { measureHalfTop } from './half-top.ts';
import { measureMemory } from './memory.ts';
import { measureStart } from './start.ts';
import { measureStorm } from './storm.ts';

const usualMakers = {
  start: measureStart,
  'half-top': measureHalfTop,
  storm: measureStorm,
};
/** Slow figures, measured with `--full`. */
const fullMakers = { memory: measureMemory };
const makers = { ...usualMakers, ...fullMakers };

/** Each measures several figures. */
export type FigureGroup = keyof typeof makers;
export type FigureName = Awaited<ReturnType<(typeof makers)[FigureGroup]>>[number]['name'];

/** In the order of a run. */
export const figureGroups = Object.keys(makers) as FigureGroup[];

export function isFullGroup(name: FigureGroup): boolean {
  return name in fullMakers;
}

export async function measureFigures(
  context: FigureContext,
  groups: readonly FigureGroup[],
): Promise<Figure<FigureName>[]> {
  const figures: Figure<FigureName>[] = [];
  for (const group of groups) figures.push(...(await makers[group](context)));
  return figures;
}
