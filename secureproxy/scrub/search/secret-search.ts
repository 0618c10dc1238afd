import { AnchorSampler, anchorOf } from './anchors.ts';
import { EscapeFinder } from './escape-finder.ts';
import { FormMatcher, isOfLineBreak, type Span } from './form-matcher.ts';
import { Grams } from './grams.ts';
import { type Reading, readingsAt } from './readings.ts';
import type { SecretForm } from './secret-forms.ts';

/** A place in a text where a part of a form may stand. */
export interface Candidate {
  readonly at: number;
  /** Index of the form. */
  readonly form: number;
  /** Index of the form's byte that stands there. */
  readonly unit: number;
}

/** The outcome of a search. */
export interface Found {
  readonly spans: Span[];
  /** Candidates that bytes which are still to come decide. */
  readonly open: Candidate[];
}

/** Bytes by which a place in an anchor is recognized next to an escape. */
const gramBytes = 3;
/** Bytes that they, and an anchor, take up at most. */
export const lookaheadBytes = 64;
/** Bytes that belong to an escape or a soft line break which begins behind them, and how many may. */
const skipped: ReadonlySet<number | undefined> = new Set(
  [...'\\\r='].map((char) => char.charCodeAt(0)),
);
const maxSkipped = 8;
/** Steps that a matcher may take for a byte searched: a text full of tokens takes three to eleven. */
const maxStepsPerByte = 24;

const lineFeed = 0x0a;
const space = 0x20;
const plus = 0x2b;
const backslash = 0x5c;

type Judge = (at: number, form: number, unit: number) => void;

/**
 * Searches texts for forms of secrets. They are found by their anchors, or by an escape or a line break
 * that interrupts an anchor.
 */
export class SecretSearch {
  /** Longest occurrence of any form, in bytes. */
  readonly maxBytes: number;
  readonly #matchers: readonly FormMatcher[];
  readonly #sampler: AnchorSampler;
  readonly #escapes: EscapeFinder;
  readonly #grams: Grams;

  /** @param forms one or more */
  constructor(forms: readonly SecretForm[]) {
    this.#matchers = forms.map((form) => new FormMatcher(form));
    this.maxBytes = Math.max(...this.#matchers.map(({ maxBytes }) => maxBytes));
    const anchors = forms.map(anchorOf);
    this.#sampler = new AnchorSampler(anchors);
    const stretches = anchors.map(({ bytes, from, to }) => bytes.subarray(from, to));
    this.#escapes = new EscapeFinder([...Buffer.concat(stretches)], !this.#sampler.bridgesLines);
    this.#grams = new Grams(
      anchors.flatMap(({ form, from }) =>
        [...(stretches[form] as Uint8Array)]
          .map((_, i, all) => [gramOf(all[i], all[i + 1], all[i + 2]), form, from + i] as const)
          .slice(0, 1 - gramBytes),
      ),
    );
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.#matchers.reduce((sum, { steps }) => sum + steps, 0);
  }

  /**
   * Searches for occurrences by what of them is in `[from, to)`, `lookaheadBytes` from the end unless
   * `isLast`: no more bytes will come. If that takes too many steps, as it may for secrets that repeat
   * themselves, all within reach counts as one occurrence.
   */
  search(bytes: Buffer, from: number, to: number, isLast: boolean): Found {
    for (const matcher of this.#matchers)
      matcher.allow(maxStepsPerByte * (to - from) + 2 * this.maxBytes);
    const found: Found = { spans: [], open: [] };
    const judge: Judge = (at, form, unit) => {
      if (!this.#isExhausted) this.judge(bytes, { at, form, unit }, isLast, found);
    };
    this.#sampler.sample(bytes, from, to, judge);
    this.#escapes.find(bytes, from, to, (at) => {
      if (!this.#isExhausted) this.#readAround(bytes, at, judge);
    });
    if (this.#isExhausted) {
      const start = Math.max(0, from - this.maxBytes);
      const end = Math.min(bytes.length, to + this.maxBytes);
      found.spans.push({ start, end, form: (this.#matchers[0] as FormMatcher).form });
    }
    return found;
  }

  get #isExhausted(): boolean {
    return this.#matchers.some(({ isExhausted }) => isExhausted);
  }

  /** Adds the occurrence at a candidate's place, if there is one. */
  judge(bytes: Buffer, candidate: Candidate, isLast: boolean, found: Found): void {
    const matcher = this.#matchers[candidate.form] as FormMatcher;
    const span = matcher.around(bytes, candidate.at, candidate.unit, isLast);
    if (span === 'open') found.open.push(candidate);
    else if (span !== undefined) found.spans.push(span);
  }

  /** Recognizes places by the bytes ahead of an escape or line break, and by those that follow. */
  #readAround(bytes: Buffer, at: number, judge: Judge): void {
    let end = at;
    while (at - end < maxSkipped && skipped.has(bytes[end - 1])) end--;
    const ahead = gramOf(bytes[end - 3], bytes[end - 2], bytes[end - 1]);
    this.#grams.each(ahead, (form, unit) => judge(end - gramBytes, form, unit));
    for (const { utf8, to } of escapesAt(bytes, at)) {
      this.#grams.each(gramBehind(bytes, to, utf8), (form, unit) => {
        judge(at, form, unit);
        // JSON within JSON escapes the backslash, too.
        for (let back = 1; back < maxSkipped && bytes[at - back] === backslash; back++) {
          judge(at - back, form, unit);
        }
      });
    }
  }
}

function escapesAt(bytes: Buffer, at: number): Pick<Reading, 'utf8' | 'to'>[] {
  if (bytes[at] === lineFeed) return [{ utf8: [], to: at + 1 }];
  if (bytes[at] === plus) return [{ utf8: [space], to: at + 1 }];
  return readingsAt(bytes, at).slice(1);
}

/** The first bytes of a gram, and those that follow in the text, escaped or not. */
function gramBehind(bytes: Buffer, from: number, first: readonly number[]): number {
  const gram = [...first];
  for (let at = from; gram.length < gramBytes; ) {
    const reading = readingsAt(bytes, at).at(-1);
    if (reading === undefined) break;
    if (!isOfLineBreak(bytes, reading)) gram.push(...reading.utf8);
    at = reading.to;
  }
  return gramOf(gram[0], gram[1], gram[2]);
}

/** Three bytes as a number, letters in lower case; 0, which is no gram, for fewer. */
function gramOf(first?: number, second?: number, third?: number): number {
  if (first === undefined || second === undefined || third === undefined) return 0;
  return first | (second << 8) | (third << 16) | 0x202020;
}
