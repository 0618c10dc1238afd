import { isAlphanumeric } from './anchors.ts';
import { digitOf, escapedBy, introducers, isIntroducer, named } from './readings.ts';

const lineFeed = 0x0a;
const space = 0x20;
const hash = 0x23;
const ampersand = 0x26;
const plus = 0x2b;
const zero = 0x30;
const semicolon = 0x3b;
const backslash = 0x5c;
const lowerU = 0x75;
const lowerX = 0x78;

/** Escapes often stand close together, where a loop is faster than a call. */
const nearBytes = 16;

/** Takes the place of an escape, and for a plain one its byte and its end. */
export type ReportEscape = (at: number, byte?: number, to?: number) => void;

/** Entities of HTML by their first letters. */
const entities = new Map(
  [...named].map(([name, byte]) => [lettersOf(Buffer.from(`${name};`), 0), { byte, name }]),
);

/**
 * Finds escapes that may stand for certain bytes. Most texts have none, which takes a few passes of
 * memchr to tell.
 */
export class EscapeFinder {
  /** Those bytes in either case, and introducers: what they stand for may be an escape in turn. */
  readonly #wanted = new Uint8Array(256);
  readonly #wantsSigns: boolean;
  readonly #wantsBeyondAscii: boolean;
  readonly #begins: readonly number[];

  /** @param wanted bytes that may be escaped; @param lines whether line breaks are found, too */
  constructor(wanted: Uint8Array, lines: boolean) {
    for (const byte of wanted) this.#wanted[byte] = this.#wanted[byte ^ 0x20] = 1;
    this.#wantsSigns = !wanted.every(isAlphanumeric);
    this.#wantsBeyondAscii = wanted.some((byte) => byte >= 0x80);
    this.#begins = [
      ...introducers,
      ...(wanted.includes(space) ? [plus] : []),
      ...(lines ? [lineFeed] : []),
    ];
    for (const byte of introducers) this.#wanted[byte] = 1;
  }

  wants(byte: number): boolean {
    return this.#wanted[byte] === 1;
  }

  /** Reports places in `[from, to)` that may be such escapes; some are not. */
  find(bytes: Buffer, from: number, to: number, report: ReportEscape): void {
    for (const byte of this.#begins) {
      let at = nextByte(bytes, byte, from, to);
      for (; at < to; at = nextByte(bytes, byte, at + 1, to)) {
        if (!isInRow(bytes, at)) this.#read(bytes, byte, at, report);
      }
    }
  }

  isAt(bytes: Buffer, at: number): boolean {
    let isFound = false;
    this.#read(bytes, bytes[at] as number, at, () => {
      isFound = true;
    });
    return isFound;
  }

  #read(bytes: Buffer, introducer: number, at: number, report: ReportEscape): void {
    const next = bytes[at + 1] ?? 0;
    if (introducer === plus) report(at, space, at + 1);
    else if (introducer === lineFeed) report(at);
    else if (introducer === ampersand) {
      if (next === hash) this.#readReference(bytes, at, report);
      else this.#readEntity(bytes, at, report);
    } else if (introducer !== backslash) this.#readCode(bytes, at, at + 1, report);
    else if (next === lowerX) this.#readCode(bytes, at, at + 2, report);
    else if (next !== lowerU) {
      // Behind two backslashes there is an escape only if it is spelled out.
      const behind = next === backslash ? bytes[at + 2] : undefined;
      const isNested = behind === lowerU || behind === lowerX || behind === backslash;
      if (this.#wantsSigns || isNested) {
        this.#found(at, escapedBy[next] as number, at + 2, report);
      }
    } else if (bytes[at + 2] === zero && bytes[at + 3] === zero) {
      this.#readCode(bytes, at, at + 4, report);
    } else if (this.#wantsBeyondAscii) report(at);
  }

  #readReference(bytes: Buffer, at: number, report: ReportEscape): void {
    let [code, to] = [0, at + 2];
    for (; to < at + 5; to++) {
      const digit = digitOf(bytes[to] ?? 0);
      if (digit < 0 || digit > 9) break;
      code = 10 * code + digit;
    }
    if (code > 0x7f ? this.#wantsBeyondAscii : code === 0 || bytes[to] !== semicolon) report(at);
    else if (code <= 0x7f) this.#found(at, code, to + 1, report);
  }

  #readEntity(bytes: Buffer, at: number, report: ReportEscape): void {
    const entity = entities.get(lettersOf(bytes, at + 1));
    if (entity === undefined) return;
    const end = at + 1 + entity.name.length;
    if (this.#wantsSigns || bytes[end + 1] === hash) {
      if (bytes[end] === semicolon) this.#found(at, entity.byte, end + 1, report);
      // A different entity that begins with the same three letters.
      else report(at);
    }
  }

  #readCode(bytes: Buffer, at: number, from: number, report: ReportEscape): void {
    const high = digitOf(bytes[from] ?? 0);
    const low = digitOf(bytes[from + 1] ?? 0);
    if (high >= 0 && low >= 0) this.#found(at, 16 * high + low, from + 2, report);
  }

  #found(at: number, byte: number, to: number, report: ReportEscape): void {
    if (this.#wanted[byte] !== 1) return;
    if (isIntroducer(byte)) report(at);
    else report(at, byte, to);
  }
}

/**
 * Whether a backslash or a line feed stands within a row: an escape that begins there is found by the row's first or
 * last two, and what a line break interrupts by its first or last line feed.
 */
export function isInRow(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at];
  if (byte !== backslash && byte !== lineFeed) return false;
  const isLonger = bytes[at - 1] === byte && bytes[at + 1] === byte;
  return isLonger && (byte === lineFeed || bytes[at + 2] === byte);
}

function lettersOf(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | 0x202020;
}

/** The next place of a byte in `[from, to)`; `to` if there is none. */
function nextByte(bytes: Buffer, byte: number, from: number, to: number): number {
  const near = Math.min(to, from + nearBytes);
  for (let at = from; at < near; at++) if (bytes[at] === byte) return at;
  const at = near === to ? -1 : bytes.indexOf(byte, near);
  return at < 0 || at > to ? to : at;
}
