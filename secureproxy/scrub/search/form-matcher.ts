import {
  isIntroducer,
  maxSpellingBytes,
  type Reading,
  readingsAt,
  readingsBefore,
} from './readings.ts';
import type { SecretForm } from './secret-forms.ts';

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const plus = 0x2b;
const equals = 0x3d;

/** Bytes of text for one byte of a form: `\\\u0041`. Longer spellings are found if they come early enough. */
const maxUnitBytes = 8;

/** Bounds of an occurrence. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly form: SecretForm;
}

/** A direction in which a match goes on from a place, over text and form alike. */
type Direction = 1 | -1;

interface State {
  readonly at: number;
  /** Index of the form's byte that is next in the direction. */
  readonly unit: number;
}

/** Finds how far an occurrence of a form extends around a place where a part of it stands. */
export class FormMatcher {
  readonly form: SecretForm;
  /** Longest occurrence that is waited for, in bytes. It follows from lengths alone, so that waiting reveals nothing. */
  readonly maxBytes: number;
  /** Calls, bytes and states so far, and how many may be. */
  steps = 0;
  #maxSteps = Infinity;
  /** Of the text, ends by states that lead there, forward and backward; undefined if they lead nowhere. */
  #text: Uint8Array | undefined;
  readonly #ends = { 1: new Map<number, number | undefined>(), [-1]: new Map() };

  constructor(form: SecretForm) {
    this.form = form;
    this.maxBytes = form.bytes.length * maxUnitBytes;
  }

  /** Limits the steps that {@link around} takes from now on; without any left it finds nothing. */
  allow(steps: number): void {
    this.#maxSteps = this.steps + steps;
  }

  get isExhausted(): boolean {
    return this.steps > this.#maxSteps;
  }

  /**
   * The longest occurrence whose byte `unit` of the form is at `at`; undefined if there is none, `'open'` if
   * bytes that are still to come decide, unless `isLast` says that none will.
   */
  around(bytes: Uint8Array, at: number, unit: number, isLast: boolean): Span | 'open' | undefined {
    if (bytes !== this.#text) {
      this.#text = bytes;
      this.#ends[1].clear();
      this.#ends[-1].clear();
    }
    this.steps++;
    const start = this.#reach(bytes, { at, unit: unit - 1 }, -1, true);
    if (start === undefined || start === 'open') return undefined;
    const end = this.#reach(bytes, { at, unit }, 1, isLast);
    return typeof end === 'number' ? { start, end, form: this.form } : end;
  }

  /** The furthest end of the form in one direction; see {@link around}. */
  #reach(
    bytes: Uint8Array,
    from: State,
    direction: Direction,
    isLast: boolean,
  ): number | 'open' | undefined {
    const { length } = this.form.bytes;
    const plain = this.#readPlain(bytes, from, direction);
    if (plain === undefined || typeof plain === 'number') return plain;
    const ends = this.#ends[direction];
    const pending: State[] = [plain];
    const visited = new Set<number>();
    let furthest: number | undefined;
    for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
      const { at, unit } = state;
      const key = at * (length + 2) + unit + 1;
      if (visited.has(key)) continue;
      this.steps++;
      if (this.isExhausted) return undefined;
      const end = unit === length || unit < 0 ? at : ends.get(key);
      if (end !== undefined && (furthest === undefined || (end - furthest) * direction > 0)) {
        furthest = end;
      }
      if (end !== undefined || ends.has(key)) continue;
      visited.add(key);
      if (!isLast && at > bytes.length - maxSpellingBytes) return 'open';
      this.#follow(bytes, state, direction, pending);
    }
    for (const key of visited) ends.set(key, furthest);
    return furthest;
  }

  /** Follows bytes that are the form's own, which most are: to the end, to the next state, or to a mismatch. */
  #readPlain(bytes: Uint8Array, from: State, direction: Direction): State | number | undefined {
    const { bytes: wanted, isLoose } = this.form;
    let { at, unit } = from;
    if (direction === -1) {
      // Backward, a byte of the form's own may also end an escape, so it is all or nothing.
      while (unit >= 0 && at > 0 && bytes[at - 1] === wanted[unit]) {
        at--;
        unit--;
      }
      this.steps += from.at - at;
      return unit < 0 ? at : from;
    }
    while (unit < wanted.length && bytes[at] === wanted[unit] && !isIntroducer(bytes[at])) {
      at++;
      unit++;
    }
    this.steps += at - from.at;
    if (unit === wanted.length) return at;
    const next = bytes[at];
    if (isLoose || next === undefined || next === plus || isIntroducer(next)) return { at, unit };
    return undefined;
  }

  /** Adds the states that a state leads to. */
  #follow(bytes: Uint8Array, { at, unit }: State, direction: Direction, pending: State[]): void {
    const { bytes: wanted, isLoose } = this.form;
    if (isLoose && !isAlphanumeric(wanted[unit] as number)) {
      pending.push({ at, unit: unit + direction });
    }
    const readings = direction === 1 ? readingsAt(bytes, at) : readingsBefore(bytes, at);
    for (const reading of readings) {
      const next = direction === 1 ? reading.to : reading.from;
      if (isLoose && isOfLineBreak(bytes, reading)) pending.push({ at: next, unit });
      const count = this.#agreeing(reading, unit, direction);
      if (count > 0) pending.push({ at: next, unit: unit + count * direction });
    }
  }

  /** How many of the form's bytes a reading stands for; 0 if it stands for others. */
  #agreeing({ utf8 }: Reading, unit: number, direction: Direction): number {
    const { bytes, foldCase } = this.form;
    const first = direction === 1 ? unit : unit - utf8.length + 1;
    const agrees = utf8.every((byte, i) => {
      const wanted = bytes[first + i] ?? -1;
      if (byte === wanted) return true;
      // As forms are encoded: application/x-www-form-urlencoded.
      if (byte === plus && wanted === space) return true;
      return foldCase && (byte ^ wanted) === 0x20 && isAlphanumeric(wanted);
    });
    return agrees ? utf8.length : 0;
  }
}

/** Mail breaks lines at 76 characters (RFC 2045 §6.7, §6.8); headers and YAML indent the rest. */
export function isOfLineBreak(bytes: Uint8Array, { utf8, from, to }: Reading): boolean {
  const [byte] = utf8;
  if (byte === lineFeed || byte === carriageReturn) return true;
  if (byte === equals) return bytes[to] === lineFeed || bytes[to] === carriageReturn;
  if (byte !== space && byte !== tab) return false;
  const ahead = bytes[from - 1];
  return ahead === lineFeed || ahead === space || ahead === tab;
}

/** Letters and digits of ASCII. */
export function isAlphanumeric(byte: number): boolean {
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x7a && byte < 0x80);
}
