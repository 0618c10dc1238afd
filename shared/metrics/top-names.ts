const maxNames = 20;

/**
 * Bounds the values of a gauge's label: the 20 highest keep their names, the others are summed as `other`. Values of
 * one name are summed first.
 */
export function topNames(
  values: readonly (readonly [name: string, value: number])[],
): [name: string, value: number][] {
  const sums = new Map<string, number>();
  for (const [name, value] of values) sums.set(name, (sums.get(name) ?? 0) + value);
  const sorted = [...sums].sort(([, one], [, other]) => other - one);
  const rest = sorted.slice(maxNames).reduce((sum, [, value]) => sum + value, 0);
  const top = sorted.slice(0, maxNames);
  return rest === 0 ? top : [...top, ['other', rest]];
}
