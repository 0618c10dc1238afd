import { isAlphanumeric } from './form-matcher.ts';
import { Grams, gramAt } from './grams.ts';
import type { SecretForm } from './secret-forms.ts';

/** The part of a form by which it is found. */
export interface Anchor {
  /** Index of the form. */
  readonly form: number;
  /** The whole form. */
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

const maxAnchorBytes = 48;
const gramBytes = 4;
/** From this length on, either half of an anchor is long enough to be looked for, since a line break may part them. */
const minHalvedBytes = 24;

/**
 * Letters and digits in a row, since encoders seldom change those; all bytes of a form that is only
 * found exactly. The end of the longest row, since tokens of one kind often begin alike.
 */
export function anchorOf({ bytes, isLoose }: SecretForm, form: number): Anchor {
  let [from, to] = [0, 0];
  for (let start = 0, at = 0; at <= bytes.length; at++) {
    if (at < bytes.length && (!isLoose || isAlphanumeric(bytes[at] as number))) continue;
    if (at - start > to - from) [from, to] = [start, at];
    start = at + 1;
  }
  return { form, bytes, from: Math.max(from, to - maxAnchorBytes), to };
}

/** Finds anchors that no escape interrupts, by looking at every n-th place of a text only. */
export class AnchorSampler {
  /** Whether anchors are found that a line break interrupts. */
  readonly bridgesLines: boolean;
  readonly #anchors: readonly Anchor[];
  readonly #grams: Grams;
  /** Distance of the places: one falls into every piece of an anchor of {@link #minPiece} bytes. */
  readonly #stride: number;
  readonly #minPiece: number;

  /** @param anchors by the index of their form */
  constructor(anchors: readonly Anchor[]) {
    const shortest = Math.min(...anchors.map(({ from, to }) => to - from));
    this.bridgesLines = shortest >= minHalvedBytes;
    this.#minPiece = this.bridgesLines ? shortest >> 1 : shortest;
    this.#stride = this.#minPiece - gramBytes + 1;
    this.#anchors = anchors;
    this.#grams = new Grams(
      anchors.flatMap(({ form, bytes, from, to }) =>
        Array.from({ length: to - from - gramBytes + 1 }, (_, i) => {
          return [gramAt(bytes, from + i) >>> 0, form, from + i] as const;
        }),
      ),
    );
  }

  /** Reports places of `[from, to)` at which a byte of a form stands that is part of its anchor. */
  sample(
    bytes: Uint8Array,
    from: number,
    to: number,
    report: (at: number, form: number, unit: number) => void,
  ): void {
    const grams = this.#grams;
    const stride = this.#stride;
    const end = Math.min(to, bytes.length - gramBytes + 1);
    for (let at = from; at < end; at += stride) {
      const gram = gramAt(bytes, at);
      if (!grams.mayHave(gram)) continue;
      grams.each(gram, (form, unit) => {
        if (this.#isPiece(bytes, at, this.#anchors[form] as Anchor, unit)) report(at, form, unit);
      });
    }
  }

  /** Whether enough of the anchor stands around the gram. */
  #isPiece(bytes: Uint8Array, at: number, anchor: Anchor, unit: number): boolean {
    let length = gramBytes;
    const { bytes: wanted, from, to } = anchor;
    for (let i = 1; unit - i >= from && isSame(bytes[at - i], wanted[unit - i]); i++) length++;
    for (let i = gramBytes; unit + i < to && isSame(bytes[at + i], wanted[unit + i]); i++) length++;
    return length >= this.#minPiece;
  }
}

/** As {@link gramAt} compares. */
function isSame(one: number | undefined, other: number | undefined): boolean {
  return one !== undefined && (one | 0x20) === ((other as number) | 0x20);
}
