/** The least and the greatest of some values. */
export type Spread = readonly [min: number, max: number];

export function spread(values: readonly number[]): Spread {
  return [Math.min(...values), Math.max(...values)];
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const [low = Number.NaN, high = low] = sorted.slice(Math.ceil(half) - 1, Math.floor(half) + 1);
  return (low + high) / 2;
}
