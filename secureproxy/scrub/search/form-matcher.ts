import { isAlphanumeric } from './anchors.ts';
import {
  isIntroducer,
  maxSpellingBytes,
  type Reading,
  readingsAt,
  readingsBefore,
  type Steps,
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

export interface Span {
  readonly start: number;
  readonly end: number;
  readonly form: SecretForm;
}

/** The part of a text that is at hand. */
export interface Text {
  readonly bytes: Buffer;
  readonly isLast: boolean;
  readonly steps: Steps;
  /** By matcher: forward and backward, ends by states that lead there; undefined if they lead nowhere. */
  ends?: Map<FormMatcher, Readonly<Record<Direction, Map<number, number | undefined>>>>;
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

  constructor(form: SecretForm) {
    this.form = form;
    this.maxBytes = form.bytes.length * maxUnitBytes;
  }

  /**
   * The longest occurrence whose byte `unit` of the form is at `at`; undefined if there is none, `'open'` if
   * bytes that are still to come decide. Without steps left it finds nothing.
   */
  around(text: Text, at: number, unit: number): Span | 'open' | undefined {
    text.steps.taken++;
    const start = this.#reach(text, { at, unit: unit - 1 }, -1);
    if (typeof start !== 'number') return undefined;
    const end = this.#reach(text, { at, unit }, 1);
    return typeof end === 'number' ? { start, end, form: this.form } : end;
  }

  /** The furthest end of the form in one direction; see {@link around}. */
  #reach(text: Text, from: State, direction: Direction): number | 'open' | undefined {
    const { bytes, isLast, steps } = text;
    const { length } = this.form.bytes;
    const plain = this.#readPlain(text, from, direction);
    if (typeof plain !== 'object') return plain;
    const ends = this.#endsIn(text)[direction];
    const pending: State[] = [plain];
    const visited = new Set<number>();
    let furthest: number | undefined;
    for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
      const { at, unit } = state;
      const key = at * (length + 2) + unit + 1;
      if (visited.has(key)) continue;
      if (++steps.taken > steps.max) return undefined;
      const end = unit === length || unit < 0 ? at : ends.get(key);
      if (end !== undefined && (furthest === undefined || (end - furthest) * direction > 0)) {
        furthest = end;
      }
      if (end !== undefined || ends.has(key)) continue;
      visited.add(key);
      if (direction === 1 && !isLast && at > bytes.length - maxSpellingBytes) return 'open';
      this.#follow(text, state, direction, pending);
    }
    for (const key of visited) ends.set(key, furthest);
    return furthest;
  }

  #endsIn(text: Text) {
    text.ends ??= new Map();
    const ends = text.ends.get(this) ?? { 1: new Map(), [-1]: new Map() };
    text.ends.set(this, ends);
    return ends;
  }

  /** Follows bytes that are the form's own, which most are: to the end, to the next state, or to a mismatch. */
  #readPlain(
    { bytes, steps }: Text,
    from: State,
    direction: Direction,
  ): State | number | undefined {
    const { bytes: wanted, isLoose } = this.form;
    let { at, unit } = from;
    if (direction === -1) {
      while (unit >= 0 && at > 0 && bytes[at - 1] === wanted[unit]) {
        at--;
        unit--;
      }
      steps.taken += from.at - at;
      // Otherwise from the begin, since a byte of the form's own may also end an escape.
      return unit < 0 ? at : from;
    }
    while (unit < wanted.length && bytes[at] === wanted[unit] && !isIntroducer(bytes[at])) {
      at++;
      unit++;
    }
    steps.taken += at - from.at;
    if (unit === wanted.length) return at;
    const next = bytes[at];
    const mayGoOn = isLoose || next === undefined || next === plus || isIntroducer(next);
    return mayGoOn ? { at, unit } : undefined;
  }

  #follow(
    { bytes, steps }: Text,
    { at, unit }: State,
    direction: Direction,
    pending: State[],
  ): void {
    const { bytes: wanted, isLoose } = this.form;
    if (isLoose && !isAlphanumeric(wanted[unit] as number)) {
      pending.push({ at, unit: unit + direction });
    }
    const readings =
      direction === 1 ? readingsAt(bytes, at, steps) : readingsBefore(bytes, at, steps);
    for (const reading of readings) {
      const next = direction === 1 ? reading.to : reading.from;
      if (isLoose && isOfLineBreak(bytes, reading.utf8[0], reading.from, reading.to))
        pending.push({ at: next, unit });
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

/**
 * True for what is read as `byte` from `from` to `to` if it is a part of a line break. Mail breaks lines at 76
 * characters (RFC 2045 §6.7, §6.8); headers and YAML indent the rest.
 */
export function isOfLineBreak(
  bytes: Uint8Array,
  byte: number | undefined,
  from: number,
  to: number,
): boolean {
  if (byte === lineFeed || byte === carriageReturn) return true;
  if (byte === equals) return bytes[to] === lineFeed || bytes[to] === carriageReturn;
  if (byte !== space && byte !== tab) return false;
  const ahead = bytes[from - 1];
  return ahead === lineFeed || ahead === space || ahead === tab;
}
