/** One way to read a piece of text: UTF-8 of the character that it stands for, and its bounds. */
export interface Reading {
  readonly utf8: readonly number[];
  readonly from: number;
  readonly to: number;
}

type Escape = Omit<Reading, 'from'>;

/** Bounds the time of searches by the bytes and states that they look at. */
export interface Steps {
  taken: number;
  max: number;
}

/** Maximum length of one character's spelling that is read, in bytes: it bounds escapes within escapes. */
export const maxSpellingBytes = 20;

const hash = 0x23;
const percent = 0x25;
const ampersand = 0x26;
const semicolon = 0x3b;
const equals = 0x3d;
const backslash = 0x5c;
const lowerU = 0x75;
const lowerX = 0x78;

/** Bytes that may begin an escape: of URLs, string literals, HTML, quoted-printable (RFC 2045 §6.7). */
export const introducers = [percent, backslash, ampersand, equals];

/**
 * The byte that each byte behind a backslash stands for: itself, except in `\b`, `\f`, `\n`, `\r`, `\t` (RFC 8259 §7).
 */
export const escapedBy = Uint8Array.from({ length: 256 }, (_, byte) => byte);
for (const [i, letter] of [...'bfnrt'].entries()) {
  escapedBy[letter.charCodeAt(0)] = '\b\f\n\r\t'.charCodeAt(i);
}

/** Names of HTML for the ASCII characters that are no letter or digit, in the order of these characters. */
const symbols = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}';
const symbolNames =
  'excl quot num dollar percnt amp apos lpar rpar ast plus comma hyphen period sol colon semi lt equals gt quest commat lsqb bsol rsqb hat lowbar grave lcub verbar rcub';
export const named = new Map(
  symbolNames.split(' ').map((name, i) => [name, symbols.charCodeAt(i)]),
);
const maxNameChars = 6;

export function isIntroducer(byte: number | undefined): boolean {
  return byte === percent || byte === backslash || byte === ampersand || byte === equals;
}

/**
 * All that the bytes at `at` may stand for, from the byte itself to the escape that removes most
 * levels: `%2541` may be `%`, the `%` of `%25`, and `A`. Empty at the end.
 */
export function readingsAt(
  bytes: Uint8Array,
  at: number,
  steps: Steps,
  end = Math.min(bytes.length, at + maxSpellingBytes),
): Reading[] {
  return at >= end ? [] : readingsIn({ bytes, end, steps }, at);
}

/** A stretch of text, and of its places the readings that remove most levels, lest they be read again and again. */
interface Stretch {
  readonly bytes: Uint8Array;
  readonly end: number;
  readonly steps: Steps;
  deepest?: Map<number, Reading>;
}

function readingsIn(stretch: Stretch, at: number): Reading[] {
  let last: Reading = { utf8: [stretch.bytes[at] as number], from: at, to: at + 1 };
  const found = [last];
  while (isIntroducer(last.utf8[0])) {
    const behind = escapeBehind(last.utf8[0] as number, new Syntax(stretch, last.to));
    if (behind === undefined) break;
    last = { ...behind, from: at };
    found.push(last);
  }
  return found;
}

/** All readings of what ends before `to`. */
export function readingsBefore(bytes: Uint8Array, to: number, steps: Steps): Reading[] {
  if (to <= 0) return [];
  const found: Reading[] = [{ utf8: [bytes[to - 1] as number], from: to - 1, to }];
  for (let from = to - 2; from >= Math.max(0, to - maxSpellingBytes); from--) {
    if (!isIntroducer(bytes[from])) continue;
    for (const reading of readingsAt(bytes, from, steps, to)) {
      if (reading.to === to) found.push(reading);
    }
  }
  return found;
}

/** The characters of an escape's own syntax, which may be escaped in turn. */
class Syntax {
  readonly stretch: Stretch;
  at: number;

  constructor(stretch: Stretch, at: number) {
    this.stretch = stretch;
    this.at = at;
  }

  /** First byte of the next character; NaN at the end. */
  get next(): number {
    const { bytes, end, steps } = this.stretch;
    steps.taken++;
    if (this.at >= end) return Number.NaN;
    const byte = bytes[this.at] as number;
    return isIntroducer(byte) ? (this.#deepest.utf8[0] as number) : byte;
  }

  get #deepest(): Reading {
    this.stretch.deepest ??= new Map();
    const reading =
      this.stretch.deepest.get(this.at) ?? (readingsIn(this.stretch, this.at).at(-1) as Reading);
    this.stretch.deepest.set(this.at, reading);
    return reading;
  }

  /** Passes the next character, and returns its first byte. */
  take(): number {
    const { next } = this;
    if (Number.isNaN(next)) return next;
    this.at = isIntroducer(this.stretch.bytes[this.at]) ? this.#deepest.to : this.at + 1;
    return next;
  }

  skip(byte: number): boolean {
    return this.next === byte && this.take() === byte;
  }

  /** Passes `min` to `max` digits; their value, NaN if there are fewer. */
  number(radix: 10 | 16, min: number, max: number): number {
    let [value, count] = [0, 0];
    for (; count < max; count++) {
      const digit = digitOf(this.next);
      if (digit < 0 || digit >= radix) break;
      value = value * radix + digit;
      this.take();
    }
    return count < min ? Number.NaN : value;
  }
}

function escapeBehind(introducer: number, text: Syntax): Escape | undefined {
  if (introducer === ampersand) return reference(text);
  if (introducer !== backslash) return byteOf(text);
  // It may introduce an escape in turn, once a level is removed.
  if (text.at < text.stretch.end && text.stretch.bytes[text.at] === backslash)
    return { utf8: [backslash], to: text.at + 1 };
  if (text.skip(lowerU)) return codeUnits(text);
  if (text.skip(lowerX)) return byteOf(text);
  const byte = escapedBy[text.take()];
  return byte === undefined ? undefined : { utf8: [byte], to: text.at };
}

/** Reads behind `%`, `=`, `\x`. */
function byteOf(text: Syntax): Escape | undefined {
  const byte = text.number(16, 2, 2);
  return Number.isNaN(byte) ? undefined : { utf8: [byte], to: text.at };
}

/** Reads behind `\u`; two surrogates are one character. */
function codeUnits(text: Syntax): Escape | undefined {
  const unit = text.number(16, 4, 4);
  if (Number.isNaN(unit)) return undefined;
  const { at, stretch } = text;
  const { bytes, end } = stretch;
  if (unit >= 0xd800 && unit < 0xdc00) {
    let behind = at;
    while (behind < end && bytes[behind] === backslash) behind++;
    const more = new Syntax(stretch, behind + 1);
    const low = behind > at && bytes[behind] === lowerU ? more.number(16, 4, 4) : 0;
    if (low >= 0xdc00 && low < 0xe000) {
      const codePoint = 0x10000 + (unit - 0xd800) * 0x400 + low - 0xdc00;
      return { utf8: utf8Of(codePoint), to: more.at };
    }
  }
  return { utf8: utf8Of(unit), to: at };
}

/** Reads behind `&`: `#43;`, `#x2B;`, `plus;`. */
function reference(text: Syntax): Escape | undefined {
  if (text.skip(hash)) {
    const isHex = text.skip(lowerX) || text.skip(lowerX - 0x20);
    const code = text.number(isHex ? 16 : 10, 1, 8);
    if (!(code <= 0x10ffff) || !text.skip(semicolon)) return undefined;
    return { utf8: utf8Of(code), to: text.at };
  }
  let name = '';
  while (name.length < maxNameChars && isLetter(text.next)) {
    name += String.fromCharCode(text.take() | 0x20);
  }
  const symbol = named.get(name);
  return symbol === undefined || !text.skip(semicolon)
    ? undefined
    : { utf8: [symbol], to: text.at };
}

export function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function isLetter(byte: number): boolean {
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x7a;
}

const utf8Of = (codePoint: number) =>
  codePoint < 0x80 ? [codePoint] : [...Buffer.from(String.fromCodePoint(codePoint))];
