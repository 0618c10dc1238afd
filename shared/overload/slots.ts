/**
 * A set of objects that come and go with calls. In slots, since a `Set` moves to a new table every few calls: an old one
 * that survived young collections would keep the tables after it, and their calls, until the next full collection.
 */
export class Slots<T> {
  readonly #held: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** Number of objects. */
  get size(): number {
    return this.#held.length - this.#free.length;
  }

  /** Returns the slot, for {@link remove}. */
  add(one: T): number {
    const slot = this.#free.pop() ?? this.#held.length;
    this.#held[slot] = one;
    return slot;
  }

  /** To be called once per slot. */
  remove(slot: number): void {
    this.#held[slot] = undefined;
    this.#free.push(slot);
  }

  *[Symbol.iterator](): Generator<T> {
    for (const one of this.#held) if (one !== undefined) yield one;
  }
}
