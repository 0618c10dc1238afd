import type { Anchor } from './anchors.ts';

/** Bytes by which a place in an anchor is recognized. */
export const gramBytes = 3;
const slotsPerGram = 4;

/**
 * Finds places in anchors by the few bytes that stand there, whatever the case of letters: a hash
 * table in typed arrays, since every cached release has one.
 */
export class Grams {
  /** By place; the first is none. */
  readonly #grams: Uint32Array;
  readonly #forms: Uint32Array;
  readonly #units: Uint32Array;
  /** By slot, and by place: index of the next place; 0 ends the list. */
  readonly #heads: Uint32Array;
  readonly #next: Uint32Array;
  readonly #shift: number;
  /** 1 for bytes with which a gram begins, in lower case. */
  readonly #firsts = new Uint8Array(256);

  constructor(anchors: readonly Anchor[]) {
    const places = anchors.flatMap(({ bytes, form, from }) =>
      Array.from({ length: bytes.length - gramBytes + 1 }, (_, i) => {
        return [gramAt(bytes, i), form, from + i] as const;
      }),
    );
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
      this.#firsts[(this.#grams[i] as number) & 0xff] = 1;
    }
  }

  /** Whether {@link each} may report places; false for most bytes of most texts. */
  mayHave(gram: number): boolean {
    return this.#heads[this.#slotOf(gram)] !== 0;
  }

  mayBegin(byte: number): boolean {
    return this.#firsts[byte | 0x20] === 1;
  }

  each(gram: number, report: (form: number, unit: number) => void): void {
    let i = this.#heads[this.#slotOf(gram)] as number;
    for (; i !== 0; i = this.#next[i] as number) {
      if (this.#grams[i] === gram) report(this.#forms[i] as number, this.#units[i] as number);
    }
  }

  /** Fibonacci hashing: the upper bits depend on all bytes. */
  #slotOf(gram: number): number {
    return Math.imul(gram, 0x9e3779b1) >>> this.#shift;
  }
}

/** The gram at a place; 0, which is none, if it would begin or end outside of the bytes. */
export function gramAt(bytes: Uint8Array, at: number): number {
  if (at < 0 || at + gramBytes > bytes.length) return 0;
  return gramOf(bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number);
}

export function gramOf(first: number, second: number, third: number): number {
  return first | (second << 8) | (third << 16) | 0x202020;
}
