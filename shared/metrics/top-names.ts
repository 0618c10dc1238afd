const maxNames = 20;

/** Bounds the values of a gauge's label: the 20 highest keep their names, the others are summed as `other`. */
export function topNames(
  values: readonly (readonly [name: string, value: number])[],
): [name: string, value: number][] {
  const sorted = values.toSorted(([, one], [, other]) => other - one);
  const top = sorted.slice(0, maxNames).map(([name, value]): [string, number] => [name, value]);
  const rest = sorted.slice(maxNames).reduce((sum, [, value]) => sum + value, 0);
  return rest === 0 ? top : [...top, ['other', rest]];
}
