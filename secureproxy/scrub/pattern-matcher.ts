import {
  backslash,
  beginsEscape,
  firstEscapedByte,
  maxEscapedBytes,
  percent,
  readEscapes,
} from './escapes.ts';
import type { Pattern } from './secret-patterns.ts';

const plus = 0x2b;
const space = 0x20;

/** Decides whether a match may end before the byte at `end`. */
export type AcceptEnd = (bytes: Uint8Array, end: number) => boolean;

const anywhere: AcceptEnd = () => true;

/** Kinds of a byte: it may begin a match as it is, or it may begin an escape. */
const mayBegin = 1;
const escaped = 2;

/** Finds patterns in bytes, each byte of them escaped or not. */
export class PatternMatcher {
  /** Maximum length of a match. It follows from lengths alone, so that waiting for it reveals nothing. */
  readonly longest: number;
  readonly #byFirst = new Map<number, Pattern[]>();
  /** Kind of each byte value; 0: no match begins with it. */
  readonly #firsts = new Uint8Array(256);
  /** 1 for two bytes that may begin a match; pairs share entries, so false positives occur. */
  readonly #pairs = new Uint8Array(4096);

  /** @param patterns each of two bytes or more */
  constructor(patterns: readonly Pattern[]) {
    let longest = 0;
    for (const pattern of patterns) {
      this.#add(pattern);
      const { bytes, escapable } = pattern;
      longest = Math.max(longest, bytes.length * (escapable ? maxEscapedBytes : 1));
    }
    this.longest = longest;
    if (patterns.some(({ escapable }) => escapable)) {
      this.#firsts[percent] = escaped;
      this.#firsts[backslash] = escaped;
    }
  }

  #add(pattern: Pattern): void {
    const [first = 0, second = 0] = pattern.bytes;
    const same = this.#byFirst.get(first);
    if (same === undefined) this.#byFirst.set(first, [pattern]);
    else same.push(pattern);
    const spelled = (byte: number) => (byte === space ? [space, plus] : [byte]);
    for (const one of spelled(first)) {
      this.#firsts[one] = mayBegin;
      for (const other of [...spelled(second), percent, backslash]) {
        this.#pairs[pairOf(one, other)] = 1;
      }
    }
  }

  /** Offset of the next match that begins in `[from, to)`; -1 if there is none. */
  find(bytes: Uint8Array, from: number, to: number): number {
    const firsts = this.#firsts;
    const pairs = this.#pairs;
    // A match has two bytes or more.
    const last = Math.min(to, bytes.length - 1);
    for (let at = from; at < last; at++) {
      const kind = firsts[bytes[at] as number];
      if (kind === 0) continue;
      if (kind === mayBegin) {
        if (pairs[pairOf(bytes[at] as number, bytes[at + 1] as number)] === 0) continue;
      } else if (!this.#mayBeEscaped(bytes, at)) continue;
      if (this.end(bytes, at) >= 0) return at;
    }
    return -1;
  }

  /** Rules out most escapes cheaply: texts that are not in English can be full of them. */
  #mayBeEscaped(bytes: Uint8Array, at: number): boolean {
    const first = firstEscapedByte(bytes, at);
    return first < 0 || this.#byFirst.has(first) || this.#byFirst.has(bytes[at] as number);
  }

  /** End of the longest match that begins at `at`; -1 if there is none. */
  end(bytes: Uint8Array, at: number, accept = anywhere): number {
    const byte = bytes[at] as number;
    let longest = this.#endOf(byte, bytes, at, accept);
    if (byte === plus) longest = Math.max(longest, this.#endOf(space, bytes, at, accept));
    if (!beginsEscape(byte)) return longest;
    for (const { value } of readEscapes(bytes, at)) {
      longest = Math.max(longest, this.#endOf(value[0] as number, bytes, at, accept));
    }
    return longest;
  }

  #endOf(first: number, bytes: Uint8Array, at: number, accept: AcceptEnd): number {
    let longest = -1;
    for (const pattern of this.#byFirst.get(first) ?? []) {
      longest = Math.max(longest, matchEnd(pattern, bytes, at, accept));
    }
    return longest;
  }
}

function pairOf(first: number, second: number): number {
  return ((first & 63) << 6) | (second & 63);
}

/** End of the longest spelling of the pattern at `at`; -1 if there is none. */
function matchEnd(
  { bytes: wanted, escapable }: Pattern,
  bytes: Uint8Array,
  at: number,
  accept: AcceptEnd,
): number {
  let longest = -1;
  // If the text has several readings, the others wait here; each is followed once.
  let others: { wantedAt: number; at: number }[] | undefined;
  let known: Set<number> | undefined;
  let wantedAt = 0;
  for (;;) {
    while (wantedAt < wanted.length && at < bytes.length) {
      const byte = bytes[at] as number;
      if (escapable && beginsEscape(byte)) {
        for (const { value, length } of readEscapes(bytes, at)) {
          if (!continues(wanted, wantedAt, value)) continue;
          const place = (wantedAt + value.length) * bytes.length + at + length;
          known ??= new Set();
          if (known.has(place)) continue;
          known.add(place);
          others ??= [];
          others.push({ wantedAt: wantedAt + value.length, at: at + length });
        }
      }
      const next = wanted[wantedAt];
      if (byte !== next && !(byte === plus && next === space && escapable)) break;
      wantedAt++;
      at++;
    }
    if (wantedAt === wanted.length && at > longest && accept(bytes, at)) longest = at;
    const other = others?.pop();
    if (other === undefined) return longest;
    ({ wantedAt, at } = other);
  }
}

function continues(wanted: Uint8Array, at: number, value: readonly number[]): boolean {
  return value.every((byte, i) => wanted[at + i] === byte);
}
