const maxNames = 50;

/**
 * Bounds the values of a label: the first 50 keep their names, later ones share `other`. A ranking would be
 * closer to the point, but a counter must never fall, as `other` would when a name leaves it.
 */
export class FirstNames {
  readonly #names = new Set<string>();

  nameOf(name: string): string {
    if (this.#names.has(name)) return name;
    if (this.#names.size >= maxNames) return 'other';
    this.#names.add(name);
    return name;
  }
}
