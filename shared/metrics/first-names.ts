const maxNames = 50;

/**
 * Bounds the values of a label: the first 50 keep their names, later ones share `other`. A ranking would be
 * closer to the point, but a counter must never fall, as `other` would when a name leaves it.
 */
export function firstNames(): (name: string) => string {
  const names = new Set<string>();
  return (name) => {
    if (names.has(name)) return name;
    if (names.size >= maxNames) return 'other';
    names.add(name);
    return name;
  };
}
