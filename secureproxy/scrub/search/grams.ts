const slotsPerGram = 4;

/**
 * Finds places in forms by the few bytes that stand there, whatever the case of letters: a hash table
 * in typed arrays, since every cached release has one.
 */
export class Grams {
  readonly #grams: Uint32Array;
  readonly #forms: Uint32Array;
  readonly #units: Uint32Array;
  /** By slot, and by place: index of the next place; 0 ends the list. */
  readonly #heads: Uint32Array;
  readonly #next: Uint32Array;
  readonly #shift: number;

  /** @param places bytes that stand at a place, the form's index, and the first byte's in the form */
  constructor(places: readonly (readonly [gram: number, form: number, unit: number])[]) {
    this.#grams = Uint32Array.from([0, ...places.map(([gram]) => gram)]);
    this.#forms = Uint32Array.from([0, ...places.map(([, form]) => form)]);
    this.#units = Uint32Array.from([0, ...places.map(([, , unit]) => unit)]);
    const bits = Math.ceil(Math.log2(slotsPerGram * (places.length + 1)));
    this.#shift = 32 - bits;
    this.#heads = new Uint32Array(1 << bits);
    this.#next = new Uint32Array(places.length + 1);
    for (let i = 1; i <= places.length; i++) {
      const slot = this.#slotOf(this.#grams[i] as number);
      this.#next[i] = this.#heads[slot] as number;
      this.#heads[slot] = i;
    }
  }

  /** Whether {@link each} may report places; false for most bytes of most texts. */
  mayHave(gram: number): boolean {
    return this.#heads[this.#slotOf(gram)] !== 0;
  }

  each(gram: number, report: (form: number, unit: number) => void): void {
    let i = this.#heads[this.#slotOf(gram)] as number;
    for (; i !== 0; i = this.#next[i] as number) {
      if (this.#grams[i] === gram >>> 0) report(this.#forms[i] as number, this.#units[i] as number);
    }
  }

  /** Fibonacci hashing: the upper bits depend on all bytes. */
  #slotOf(gram: number): number {
    return Math.imul(gram, 0x9e3779b1) >>> this.#shift;
  }
}

/** Four bytes as a number, letters in lower case. */
export function gramAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24) |
    0x20202020
  );
}
