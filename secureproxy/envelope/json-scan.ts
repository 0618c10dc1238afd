import type { ServiceError } from '../../shared/errors.ts';
import { invalid } from './faults.ts';

/** Maximum nesting of arrays and objects: more than calls have, less than parsers fail at. */
const maxDepth = 1000;

// Constants, since this is the one loop over every byte of a call.
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const minus = 0x2d;
const plus = 0x2b;
const space = 0x20;
const zero = 0x30;
const openBracket = 0x5b;
const openBrace = 0x7b;
const closeBrace = 0x7d;
/** Plain characters of a string from which on it is worth a view of words. */
const longRun = 256;
/** `]` and `}` come two after their openers. */
const closerOffset = 2;

const isPlain = tableOf((code) => code >= space && code !== quote && code !== backslash);
const isDigit = tableOf((code) => code >= zero && code <= 0x39);
const isBlank = tableOf((code) => ' \t\n\r'.includes(String.fromCharCode(code)));
const isHex = tableOf((code) => /[0-9A-Fa-f]/.test(String.fromCharCode(code)));
const isEscaped = tableOf((code) => '"\\/bfnrt'.includes(String.fromCharCode(code)));
/** The closers of the open arrays and objects; one for all, since a scan is synchronous. */
const closers = new Uint8Array(maxDepth);

/**
 * Returns the bytes with a zero behind them, at which all functions below stop. Without it they would read behind the
 * last byte, and one such read makes V8 read the bytes of all later calls several times more slowly.
 */
export function terminated(bytes: Buffer): Buffer {
  const { buffer, byteOffset, length } = bytes;
  if (byteOffset + length < buffer.byteLength) {
    const longer = Buffer.from(buffer, byteOffset, length + 1);
    if (longer[length] === 0) return longer;
  }
  const copy = Buffer.allocUnsafe(length + 1);
  copy.set(bytes);
  copy[length] = 0;
  return copy;
}

/**
 * Returns the end of the JSON value (RFC 8259) that begins at `start`, without building it: in linear
 * time, constant memory and no recursion. The bytes must be UTF-8.
 * @param maxEnd from here on, an array or object is not scanned to its end, and the result is a place within
 * @throws ServiceError request_invalid
 */
export function endOfValue(bytes: Uint8Array, start: number, maxEnd = bytes.length): number {
  let at = start;
  let depth = 0;
  let closer = 0;
  for (;;) {
    const first = bytes[at] as number;
    if (first === openBrace || first === openBracket) {
      if (depth === maxDepth)
        throw notJson(`The body is nested more than ${maxDepth} levels deep.`);
      closers[depth] = closer;
      depth += 1;
      closer = first + closerOffset;
      at = skipBlanks(bytes, at + 1);
      if (bytes[at] !== closer) {
        if (closer === closeBrace) at = startOfMemberValue(bytes, at);
        continue;
      }
    } else {
      at = first === quote ? endOfString(bytes, at) : endOfWord(bytes, at, first);
      if (depth === 0) return at;
      at = skipBlanks(bytes, at);
    }
    // A value may end the arrays and objects around it.
    while (bytes[at] === closer) {
      depth -= 1;
      closer = closers[depth] as number;
      if (depth === 0) return at + 1;
      at = skipBlanks(bytes, at + 1);
    }
    if (bytes[at] !== comma) throw notJson();
    if (at > maxEnd) return at;
    at = skipBlanks(bytes, at + 1);
    if (closer === closeBrace) at = startOfMemberValue(bytes, at);
  }
}

/** Returns the start of the value of the member whose name begins at `at`. @throws ServiceError request_invalid */
function startOfMemberValue(bytes: Uint8Array, at: number): number {
  return skipColon(bytes, endOfString(bytes, at));
}

/** Returns the end of the string that begins at `start`. @throws ServiceError request_invalid */
export function endOfString(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== quote) throw notJson();
  let at = start + 1;
  for (;;) {
    const soon = at + longRun;
    while (at < soon && isPlain[bytes[at] as number] === 1) at += 1;
    if (at === soon) {
      at = skipPlainWords(bytes, at);
      while (isPlain[bytes[at] as number] === 1) at += 1;
    }
    if (bytes[at] === quote) return at + 1;
    if (bytes[at] !== backslash) throw notJson();
    at = endOfEscape(bytes, at + 1);
  }
}

/** The text of the string from `start` to `end`, unescaped. */
export function readString(bytes: Buffer, start: number, end: number): string {
  const spelled = bytes.toString('utf8', start + 1, end - 1);
  return spelled.includes('\\') ? JSON.parse(`"${spelled}"`) : spelled;
}

/**
 * Skips plain characters, four at a time while all of a word are: none is below a space, and a quote or a backslash
 * would be zero after the exclusive or (the tests of Hacker's Delight, section 6-1, for a byte below n).
 */
function skipPlainWords(bytes: Uint8Array, start: number): number {
  const aligned = start + ((4 - ((bytes.byteOffset + start) & 3)) & 3);
  for (let at = start; at < aligned; at++) if (isPlain[bytes[at] as number] !== 1) return at;
  const words = new Int32Array(
    bytes.buffer,
    bytes.byteOffset + aligned,
    Math.max(0, bytes.length - aligned) >> 2,
  );
  let at = 0;
  while (at < words.length) {
    const word = words[at] as number;
    const quotes = word ^ 0x22222222;
    const backslashes = word ^ 0x5c5c5c5c;
    const found =
      ((word - 0x20202020) & ~word) |
      ((quotes - 0x01010101) & ~quotes) |
      ((backslashes - 0x01010101) & ~backslashes);
    if ((found & 0x80808080) !== 0) break;
    at += 1;
  }
  return aligned + at * 4;
}

/** Skips blanks, a colon, and blanks. @throws ServiceError request_invalid */
export function skipColon(bytes: Uint8Array, start: number): number {
  const at = skipBlanks(bytes, start);
  if (bytes[at] !== colon) throw notJson();
  return skipBlanks(bytes, at + 1);
}

export function skipBlanks(bytes: Uint8Array, start: number): number {
  let at = start;
  while ((bytes[at] as number) <= space && isBlank[bytes[at] as number] === 1) at += 1;
  return at;
}

export function notJson(detail = 'The body is not JSON.'): ServiceError {
  return invalid('json', detail);
}

function endOfEscape(bytes: Uint8Array, start: number): number {
  if (isEscaped[bytes[start] as number] === 1) return start + 1;
  const end = start + 'uXXXX'.length;
  if (bytes[start] !== 0x75) throw notJson();
  for (let at = start + 1; at < end; at++) if (isHex[bytes[at] as number] !== 1) throw notJson();
  return end;
}

/** Returns the end of a number or a literal. */
function endOfWord(bytes: Uint8Array, at: number, first: number): number {
  if (first === 0x74) return endOfLetters(bytes, at + 1, 0x72, 0x75, 0x65);
  if (first === 0x6e) return endOfLetters(bytes, at + 1, 0x75, 0x6c, 0x6c);
  if (first !== 0x66) return endOfNumber(bytes, first === minus ? at + 1 : at);
  if (bytes[at + 1] !== 0x61) throw notJson();
  return endOfLetters(bytes, at + 2, 0x6c, 0x73, 0x65);
}

function endOfLetters(bytes: Uint8Array, at: number, a: number, b: number, c: number): number {
  if (bytes[at] !== a || bytes[at + 1] !== b || bytes[at + 2] !== c) throw notJson();
  return at + 3;
}

function endOfNumber(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === zero ? start + 1 : endOfDigits(bytes, start);
  if (bytes[at] === 0x2e) at = endOfDigits(bytes, at + 1);
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const isSigned = bytes[at + 1] === plus || bytes[at + 1] === minus;
    at = endOfDigits(bytes, isSigned ? at + 2 : at + 1);
  }
  return at;
}

function endOfDigits(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isDigit[bytes[at] as number] === 1) at += 1;
  if (at === start) throw notJson();
  return at;
}

/** A table by byte: one look-up in place of comparisons. */
function tableOf(has: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => Number(has(code)));
}
