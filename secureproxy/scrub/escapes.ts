export const percent = 0x25;
export const backslash = 0x5c;
const letterU = 0x75;

/** JSON inside a JSON text escapes the backslash again: `\"` becomes `\\\"`. */
const maxExtraBackslashes = 2;
const noByte = 256;

/** Longest spelling of one byte: `\\\u0041`. */
export const maxEscapedBytes = maxExtraBackslashes + 6;

/** One reading of an escape sequence. */
export interface Escape {
  /** UTF-8 of the text that it stands for. */
  readonly value: readonly number[];
  /** Length of the sequence in bytes. */
  readonly length: number;
}

/** `\b`, `\f`, `\n`, `\r`, `\t` (RFC 8259 §7). */
const controls = new Map([
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
]);

export function beginsEscape(byte: number): boolean {
  return byte === percent || byte === backslash;
}

/**
 * Reads the escape sequence at `at`, of a URL (`%41`) or of JSON (`\u0041`, `\/`, `\n`). There may be
 * several readings, since JSON within JSON escapes the backslash again; none if there is no sequence.
 */
export function readEscapes(bytes: Uint8Array, at: number): Escape[] {
  if (bytes[at] === percent) {
    const value = readHex(bytes, at + 1, 2);
    return value < 0 ? [] : [{ value: [value], length: 3 }];
  }
  const escapes: Escape[] = [];
  for (let extra = 0; extra <= maxExtraBackslashes; extra++) {
    if (bytes[at + extra] !== backslash) break;
    const read = readJsonEscape(bytes, at, extra);
    if (read !== undefined) escapes.push(read);
  }
  return escapes;
}

/**
 * Returns the first byte that {@link readEscapes} would read, if there is one reading only; 256 if
 * there is none; -1 if only {@link readEscapes} can tell. Allocates nothing.
 */
export function firstEscapedByte(bytes: Uint8Array, at: number): number {
  if (at + maxEscapedBytes > bytes.length) return -1;
  if (bytes[at] === percent) {
    const value = readHex(bytes, at + 1, 2);
    return value < 0 ? noByte : value;
  }
  const letter = bytes[at + 1] as number;
  if (letter === backslash) return -1;
  if (letter !== letterU) return controls.get(letter) ?? letter;
  const unit = readHex(bytes, at + 2, 4);
  if (unit < 0) return noByte;
  if (unit < 0x80) return unit;
  if (unit < 0x800) return 0xc0 | (unit >> 6);
  return unit >= 0xd800 && unit < 0xe000 ? -1 : 0xe0 | (unit >> 12);
}

function readJsonEscape(bytes: Uint8Array, at: number, extra: number): Escape | undefined {
  const letter = bytes[at + extra + 1];
  if (letter === undefined) return undefined;
  if (letter !== letterU) {
    const value = controls.get(letter) ?? letter;
    return { value: [value], length: extra + 2 };
  }
  const unit = readHex(bytes, at + extra + 2, 4);
  if (unit < 0) return undefined;
  const length = extra + 6;
  if (unit < 0x80) return { value: [unit], length };
  const low = isHighSurrogate(unit) ? readLowSurrogate(bytes, at + length, extra) : -1;
  return low < 0
    ? { value: utf8(String.fromCharCode(unit)), length }
    : { value: utf8(String.fromCharCode(unit, low)), length: 2 * length };
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function readLowSurrogate(bytes: Uint8Array, at: number, extra: number): number {
  for (let i = at; i <= at + extra; i++) if (bytes[i] !== backslash) return -1;
  if (bytes[at + extra + 1] !== letterU) return -1;
  const unit = readHex(bytes, at + extra + 2, 4);
  return unit >= 0xdc00 && unit < 0xe000 ? unit : -1;
}

function utf8(text: string): number[] {
  return [...Buffer.from(text)];
}

/** Parses hexadecimal digits of either case; -1 if one is not a digit. */
function readHex(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let i = at; i < at + digits; i++) {
    const digit = hexDigit(bytes[i] ?? 0);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
