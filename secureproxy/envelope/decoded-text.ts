import { byteTable, hexPlusOne } from '../automaton/byte-table.ts';
import { isPlain, notJson, skipPlain } from './json-scan.ts';

const quote = 0x22;
const backslash = 0x5c;
const u = 0x75;
const unitDigits = 4;
const unitLength = '\\u'.length + unitDigits;

/** The character of an escape of two characters, by the second; 0 if there is none (RFC 8259 §7). */
const unescaped = byteTable(/["\\/bfnrt]/, (sign) => JSON.parse(`"\\${sign}"`).charCodeAt(0));

export interface DecodedText {
  readonly text: Buffer;
  /** The end of the string in JSON. */
  readonly end: number;
  /** False if it has half of a surrogate pair, which UTF-8 cannot spell. */
  readonly isWellFormed: boolean;
}

/**
 * Decodes the JSON string that begins at `start`, in its own memory, since no character is longer than its escape. One
 * pass costs less than a scan, a string of V8 and its encoding do.
 * @param bytes UTF-8, `terminated`
 * @throws ServiceError request_invalid
 */
export function decodeText(bytes: Buffer, start: number): DecodedText {
  const first = skipPlain(bytes, start + 1);
  const place = { from: first, to: first, isWellFormed: true };
  do copyShort(bytes, place);
  while (decodeUnits(bytes, place));
  const { from, to, isWellFormed } = place;
  if (bytes[from] !== quote) throw notJson();
  return { text: bytes.subarray(start + 1, to), end: from + 1, isWellFormed };
}

interface Place {
  /** The next byte of the JSON. */
  from: number;
  /** The end of the text. */
  to: number;
  isWellFormed: boolean;
}

/** Copies plain characters and decodes escapes of two. V8 runs a loop with an end, alone in a function, twice as fast. */
function copyShort(bytes: Uint8Array, place: Place): void {
  let { from, to } = place;
  for (; from < bytes.length; from++) {
    let byte = bytes[from] as number;
    if (isPlain[byte] !== 1) {
      if (byte !== backslash) break;
      byte = unescaped[bytes[from + 1] as number] as number;
      if (byte === 0) break;
      from += 1;
    }
    bytes[to] = byte;
    to += 1;
  }
  place.from = from;
  place.to = to;
}

/** Decodes escapes with digits; false if there is none. @throws ServiceError request_invalid */
function decodeUnits(bytes: Uint8Array, place: Place): boolean {
  let { from, to } = place;
  while (bytes[from] === backslash && bytes[from + 1] === u) {
    const point = codePointAt(bytes, from + 2);
    if (point < 0) throw notJson();
    if ((point & ~0x7ff) === 0xd800) place.isWellFormed = false;
    to = writeUtf8(bytes, to, point);
    from += point < 0x10000 ? unitLength : unitLength * 2;
  }
  if (from === place.from) return false;
  place.from = from;
  place.to = to;
  return true;
}

/** Returns the code point whose digits begin here, half of a pair if it is alone; -1 if there are too few digits. */
function codePointAt(bytes: Uint8Array, at: number): number {
  const unit = codeUnitAt(bytes, at);
  const next = at + unitDigits;
  if ((unit & ~0x3ff) !== 0xd800 || bytes[next] !== backslash || bytes[next + 1] !== u) return unit;
  const low = codeUnitAt(bytes, next + 2);
  return (low & ~0x3ff) === 0xdc00 ? 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff) : unit;
}

function codeUnitAt(bytes: Uint8Array, start: number): number {
  let unit = 0;
  for (let at = start; at < start + unitDigits; at++) {
    const digit = hexPlusOne[bytes[at] as number] as number;
    if (digit === 0) return -1;
    unit = unit * 16 + digit - 1;
  }
  return unit;
}

/** Returns the end of the code point's bytes (RFC 3629 §3). */
function writeUtf8(bytes: Uint8Array, at: number, point: number): number {
  if (point < 0x80) {
    bytes[at] = point;
    return at + 1;
  }
  const more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  bytes[at] = (0x100 - (0x80 >> more)) | (point >> (more * 6));
  for (let left = more - 1; left >= 0; left--)
    bytes[at + more - left] = 0x80 | ((point >> (left * 6)) & 0x3f);
  return at + more + 1;
}
