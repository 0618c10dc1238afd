import { AnchorSampler } from './anchor-sampler.ts';
import { anchorOf } from './anchors.ts';
import { EscapeFinder } from './escape-finder.ts';
import { FormMatcher, isOfLineBreak, type Span, type Text } from './form-matcher.ts';
import { Grams, gramAt, gramBytes, gramOf } from './grams.ts';
import {
  isIntroducer,
  maxSpellingBytes,
  type Reading,
  readingsAt,
  type Steps,
} from './readings.ts';
import type { SecretForm } from './secret-forms.ts';

/** A place in a text where a part of a form may stand. */
export interface Candidate {
  readonly at: number;
  readonly form: number;
  readonly unit: number;
}

export interface Found {
  readonly spans: Span[];
  /** Candidates that bytes which are still to come decide. */
  readonly open: Candidate[];
}

/** Bytes that an anchor, and a gram next to an escape, take up at most. */
export const lookaheadBytes = 64;
/** Bytes that belong to an escape or a soft line break which begins behind them, and how many may. */
const maxSkipped = 8;
/** Bytes behind an escape in which the rest of a gram begins. */
const maxGramBytes = 2 * maxSpellingBytes;
/** Steps that a body's search may take for a byte: escapes within escapes take up to a hundred. */
const maxStepsPerByte = 192;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const plus = 0x2b;
const equals = 0x3d;
const backslash = 0x5c;

/**
 * Searches texts for forms of secrets. They are found by their anchors, or by an escape or a line break
 * that interrupts an anchor.
 */
export class SecretSearch {
  readonly maxBytes: number;
  readonly #matchers: readonly FormMatcher[];
  readonly #grams: Grams;
  readonly #sampler: AnchorSampler;
  readonly #escapes: EscapeFinder;

  constructor(forms: readonly SecretForm[]) {
    this.#matchers = forms.map((form) => new FormMatcher(form));
    this.maxBytes = Math.max(...this.#matchers.map(({ maxBytes }) => maxBytes));
    const anchors = forms.map(anchorOf);
    this.#grams = new Grams(anchors);
    this.#sampler = new AnchorSampler(anchors, this.#grams);
    const wanted = Buffer.concat(anchors.map(({ bytes }) => bytes));
    this.#escapes = new EscapeFinder(wanted, !this.#sampler.bridgesLines);
  }

  /**
   * Bytes from a candidate's place on that decide it: the share of {@link maxBytes} that the rest of its form
   * has. An occurrence that begins no more than the other share ahead of the place is then still held.
   */
  maxBytesFrom({ form, unit }: Candidate): number {
    const { length } = (this.#matchers[form] as FormMatcher).form.bytes;
    return Math.ceil((this.maxBytes * (length - unit)) / length) + maxSpellingBytes;
  }

  /** Grants steps for the search of so many more bytes; those not taken before are kept up to a limit. */
  grant(steps: Steps, bytes: number): void {
    const kept = Math.min(steps.max - steps.taken, 8 * this.maxBytes);
    steps.max = steps.taken + kept + maxStepsPerByte * bytes;
  }

  /**
   * Searches for occurrences by what of them is in `[from, to)`, `lookaheadBytes` from the end unless it is
   * the last.
   */
  search(text: Text, from: number, to: number): Found {
    const found: Found = { spans: [], open: [] };
    this.#sampler.sample(text.bytes, from, to, (at, form, unit) =>
      this.judge(text, { at, form, unit }, found),
    );
    this.#escapes.find(text.bytes, from, to, (at, byte, end) =>
      this.#readAround(text, found, at, byte, end),
    );
    return found;
  }

  /**
   * Adds the occurrence at a candidate's place, if there is one. Without steps left, as may be for secrets
   * that repeat themselves, all within reach counts as one.
   */
  judge(text: Text, candidate: Candidate, found: Found): void {
    const { steps } = text;
    const { form, at, unit } = candidate;
    const matcher = this.#matchers[form] as FormMatcher;
    const span = steps.taken > steps.max ? undefined : matcher.around(text, at, unit);
    if (steps.taken > steps.max) this.#addAllAround(at, form, found);
    else if (span === 'open') found.open.push(candidate);
    else if (span !== undefined) found.spans.push(span);
  }

  #addAllAround(at: number, form: number, found: Found): void {
    const start = Math.max(0, at - this.maxBytes);
    const { form: searched } = this.#matchers[form] as FormMatcher;
    found.spans.push({ start, end: at + this.maxBytes, form: searched });
  }

  /** Recognizes places by the bytes ahead of an escape or line break, and by those that follow. */
  #readAround(text: Text, found: Found, at: number, byte?: number, to = at): void {
    const { bytes } = text;
    let end = at;
    while (at - end < maxSkipped && isSkipped(bytes[end - 1])) end--;
    this.#judgeEach(text, found, gramAt(bytes, end - gramBytes), end - gramBytes);
    const [next, last] = [bytes[to] ?? lineFeed, bytes[to + 1] ?? lineFeed];
    if (byte !== undefined && (next === space || isPlain(next))) {
      if (!this.#escapes.wants(next)) return;
      if (isPlain(last)) {
        this.#judgeEach(text, found, gramOf(byte, next, last), at);
        return;
      }
    }
    if (text.steps.taken > text.steps.max) {
      this.#addAllAround(at, 0, found);
      return;
    }
    for (const { utf8, to } of escapesAt(text, at)) {
      // Most anchors have no byte that may begin an escape in turn.
      if (utf8.length > 0 && !this.#grams.mayBegin(utf8[0] as number)) continue;
      const gram = gramBehind(text, to, utf8);
      this.#judgeEach(text, found, gram, at);
      // JSON within JSON escapes the backslash, too.
      for (let back = 1; back < maxSkipped && bytes[at - back] === backslash; back++) {
        this.#judgeEach(text, found, gram, at - back);
      }
    }
  }

  #judgeEach(text: Text, found: Found, gram: number, at: number): void {
    if (!this.#grams.mayHave(gram)) return;
    this.#grams.each(gram, (form, unit) => this.judge(text, { at, form, unit }, found));
  }
}

function isSkipped(byte: number | undefined): boolean {
  return byte === backslash || byte === carriageReturn || byte === equals;
}

function isPlain(byte: number): boolean {
  return byte > space && !isIntroducer(byte);
}

function escapesAt({ bytes, steps }: Text, at: number): Pick<Reading, 'utf8' | 'to'>[] {
  if (bytes[at] === lineFeed) return [{ utf8: [], to: at + 1 }];
  if (bytes[at] === plus) return [{ utf8: [space], to: at + 1 }];
  return readingsAt(bytes, at, steps).slice(1);
}

/** The first bytes of a gram, and those that follow in the text, escaped or not; 0 if they don't follow closely. */
function gramBehind({ bytes, steps }: Text, from: number, first: readonly number[]): number {
  const gram = [...first];
  // Line breaks are passed over: all of a text may consist of them.
  const end = from + maxGramBytes;
  for (let at = from; gram.length < gramBytes; ) {
    const byte = bytes[at];
    if (byte === undefined || at >= end) return 0;
    steps.taken++;
    if (!isIntroducer(byte)) {
      if (!isOfLineBreak(bytes, byte, at, at + 1)) gram.push(byte);
      at++;
      continue;
    }
    const { utf8, to } = readingsAt(bytes, at, steps).at(-1) as Reading;
    if (!isOfLineBreak(bytes, utf8[0], at, to)) gram.push(...utf8);
    at = to;
  }
  return gramOf(gram[0] as number, gram[1] as number, gram[2] as number);
}
