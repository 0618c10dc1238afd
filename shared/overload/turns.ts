/** All that waits, by source: sources take turns, and what is of one source is in order of arrival. */
export class Turns<W> {
  /** In the order of their turns. */
  readonly #lines = new Map<string, Set<W>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(source: string, waiting: W): void {
    const line = this.#lines.get(source) ?? new Set();
    this.#lines.set(source, line);
    line.add(waiting);
    this.#size += 1;
  }

  /** Does nothing if it waits no more. */
  remove(source: string, waiting: W): void {
    const line = this.#lines.get(source);
    if (!line?.delete(waiting)) return;
    this.#size -= 1;
    if (line.size === 0) this.#lines.delete(source);
  }

  /** Removes and returns the first of the next source that may have its turn, which then comes after all others'. */
  take(mayHave: (source: string) => boolean = () => true): W | undefined {
    for (const [source, line] of this.#lines) {
      if (!mayHave(source)) continue;
      const [first] = line;
      this.#lines.delete(source);
      this.#lines.set(source, line);
      if (first !== undefined) this.remove(source, first);
      return first;
    }
    return undefined;
  }

  /** The newest of the source with the most. */
  get newestOfLongest(): W | undefined {
    let longest: ReadonlySet<W> = new Set();
    for (const line of this.#lines.values()) if (line.size >= longest.size) longest = line;
    return [...longest].at(-1);
  }
}
