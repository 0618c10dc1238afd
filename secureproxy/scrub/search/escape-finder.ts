import { isAlphanumeric } from './form-matcher.ts';
import { controls, digitOf, isIntroducer } from './readings.ts';

const lineFeed = 0x0a;
const space = 0x20;
const hash = 0x23;
const percent = 0x25;
const ampersand = 0x26;
const plus = 0x2b;
const zero = 0x30;
const equals = 0x3d;
const backslash = 0x5c;
const lowerA = 0x61;
const lowerU = 0x75;
const lowerX = 0x78;

/** Escapes often stand close together, where a loop is faster than a call. */
const nearBytes = 16;

/**
 * Finds escapes that may stand for certain bytes. Most texts have none, which takes a few passes of
 * memchr to tell.
 */
export class EscapeFinder {
  readonly #wanted = new Uint8Array(256);
  /** Whether bytes beyond ASCII are wanted, or such that HTML has names for. */
  readonly #wantsOthers: boolean;
  readonly #introducers: readonly number[];

  /** @param wanted bytes that may be escaped; @param lines whether line breaks are found, too */
  constructor(wanted: readonly number[], lines: boolean) {
    for (const byte of wanted) this.#wanted[byte] = 1;
    this.#wantsOthers = !wanted.every(isAlphanumeric);
    this.#introducers = [
      percent,
      backslash,
      ampersand,
      equals,
      ...(this.#wanted[space] === 1 ? [plus] : []),
      ...(lines ? [lineFeed] : []),
    ];
  }

  /** Reports places in `[from, to)`; at some of them something else stands. */
  find(bytes: Buffer, from: number, to: number, report: (at: number) => void): void {
    for (const introducer of this.#introducers) {
      let at = nextByte(bytes, introducer, from, to);
      for (; at < to; at = nextByte(bytes, introducer, at + 1, to)) {
        if (this.#isWanted(bytes, introducer, at)) report(at);
      }
    }
  }

  #isWanted(bytes: Buffer, introducer: number, at: number): boolean {
    const next = bytes[at + 1] ?? 0;
    if (introducer === backslash) {
      if (next === lowerX) return true;
      if (next !== lowerU) return this.#wantsOthers && this.#isWantedBehindBackslash(next);
      if (bytes[at + 2] !== zero || bytes[at + 3] !== zero) return this.#wantsOthers;
      return this.#isWantedCode(bytes, at + 4);
    }
    if (introducer === ampersand) {
      if (next === hash) return this.#isWantedReference(bytes, at + 2);
      return this.#wantsOthers || (next === lowerA && bytes[at + 5] === hash);
    }
    return introducer === plus || introducer === lineFeed || this.#isWantedCode(bytes, at + 1);
  }

  #isWantedReference(bytes: Buffer, from: number): boolean {
    let code = 0;
    for (let at = from; at < from + 3; at++) {
      const digit = digitOf(bytes[at] ?? 0);
      if (digit < 0 || digit > 9) break;
      code = 10 * code + digit;
    }
    // 0 if the code is hexadecimal.
    if (code > 255) return this.#wantsOthers;
    return code === 0 || this.#wanted[code] === 1 || isIntroducer(code);
  }

  #isWantedBehindBackslash(byte: number): boolean {
    return this.#wanted[controls.get(String.fromCharCode(byte)) ?? byte] === 1;
  }

  /** Of letters and digits, and of introducers, that is what may stand for a letter in turn. */
  #isWantedCode(bytes: Buffer, at: number): boolean {
    const high = digitOf(bytes[at] ?? 0);
    const low = digitOf(bytes[at + 1] ?? 0);
    if (high < 0 || low < 0) return false;
    const byte = 16 * high + low;
    return this.#wanted[byte] === 1 || isIntroducer(byte);
  }
}

/** The next place of a byte in `[from, to)`; `to` if there is none. */
function nextByte(bytes: Buffer, byte: number, from: number, to: number): number {
  const near = Math.min(to, from + nearBytes);
  for (let at = from; at < near; at++) if (bytes[at] === byte) return at;
  const at = near === to ? -1 : bytes.indexOf(byte, near);
  return at < 0 || at > to ? to : at;
}
