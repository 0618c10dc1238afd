import type { Anchor } from './anchors.ts';

/** Bytes by which a place in an anchor is recognized. */
export const gramBytes = 3;
const slotsPerGram = 4;

/**
 * Finds places in anchors by the few bytes that stand there, whatever the case of letters: a hash
 * table in typed arrays, since every release has one.
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
    const size = anchors.reduce((sum, { bytes }) => sum + bytes.length - gramBytes + 1, 1);
    this.#grams = new Uint32Array(size);
    this.#forms = new Uint32Array(size);
    this.#units = new Uint32Array(size);
    this.#next = new Uint32Array(size);
    const bits = Math.ceil(Math.log2(slotsPerGram * size));
    this.#shift = 32 - bits;
    this.#heads = new Uint32Array(1 << bits);
    let place = 1;
    for (const { bytes, form, from } of anchors) {
      for (let at = 0; at + gramBytes <= bytes.length; at++) {
        this.#set(place, gramAt(bytes, at), form, from + at);
        place += 1;
      }
    }
  }

  #set(place: number, gram: number, form: number, unit: number): void {
    const slot = this.#slotOf(gram);
    this.#grams[place] = gram;
    this.#forms[place] = form;
    this.#units[place] = unit;
    this.#next[place] = this.#heads[slot] as number;
    this.#heads[slot] = place;
    this.#firsts[gram & 0xff] = 1;
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
