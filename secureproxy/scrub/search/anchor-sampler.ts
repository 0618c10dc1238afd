import type { Anchor, Report } from './anchors.ts';
import { type Grams, gramBytes, gramOf } from './grams.ts';

/** From this length on, either half of an anchor is long enough to be looked for, since a line break may part them. */
const minHalvedBytes = 24;

/** Finds anchors that no escape interrupts, by looking at every n-th place of a text only. */
export class AnchorSampler {
  /** Whether anchors are found that a line break interrupts. */
  readonly bridgesLines: boolean;
  readonly #anchors: readonly Anchor[];
  readonly #grams: Grams;
  readonly #minPiece: number;

  /** @param anchors by the index of their form; @param grams theirs */
  constructor(anchors: readonly Anchor[], grams: Grams) {
    const shortest = Math.min(...anchors.map(({ bytes }) => bytes.length));
    this.bridgesLines = shortest >= minHalvedBytes;
    this.#minPiece = this.bridgesLines ? shortest >> 1 : shortest;
    this.#anchors = anchors;
    this.#grams = grams;
  }

  /** Reports a place in every anchor of which a byte at least is in `[from, to)`. */
  sample(bytes: Uint8Array, from: number, to: number, report: Report): void {
    const grams = this.#grams;
    // A gram of every piece begins at one of these places.
    const stride = this.#minPiece - gramBytes + 1;
    const end = Math.min(to, bytes.length - gramBytes + 1);
    for (let at = from; at < end; at += stride) {
      const gram = gramOf(bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number);
      if (grams.mayHave(gram)) this.#reportPieces(bytes, at, gram, report);
    }
  }

  #reportPieces(bytes: Uint8Array, at: number, gram: number, report: Report): void {
    this.#grams.each(gram, (form, unit) => {
      if (this.#isPiece(bytes, at, this.#anchors[form] as Anchor, unit)) report(at, form, unit);
    });
  }

  #isPiece(bytes: Uint8Array, at: number, anchor: Anchor, unit: number): boolean {
    const start = at - (unit - anchor.from);
    let [first, end] = [at, at];
    while (first > start && isSame(bytes[first - 1], anchor.bytes[first - 1 - start])) first--;
    while (isSame(bytes[end], anchor.bytes[end - start])) end++;
    return end - first >= this.#minPiece;
  }
}

/** As grams are compared. */
function isSame(one: number | undefined, other: number | undefined): boolean {
  return one !== undefined && other !== undefined && (one | 0x20) === (other | 0x20);
}
