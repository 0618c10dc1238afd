import type { ServiceError } from '../../shared/errors.ts';
import { AutomatonRun, maxDepth } from '../automaton/automaton-run.ts';
import { byteTable } from '../automaton/byte-table.ts';
import { invalid } from './faults.ts';
import { json } from './json-automaton.ts';

const quote = 0x22;
const colon = 0x3a;
const space = 0x20;
/** Characters of a string from which on it is worth a view of words. */
const longRun = 256;

export const isPlain = byteTable(/[ !#-[\]-\xff]/);
const isBlank = byteTable(/[ \t\n\r]/);

const topValue = json.numberOf('top.value');
const topString = json.numberOf('top.string');
const end = json.numberOf('end');

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
  if (bytes[start] === quote) return endOfString(bytes, start);
  return endFrom(topValue, bytes, start, Math.min(bytes.length, maxEnd + 1));
}

/** Returns the end of the string that begins at `start`. @throws ServiceError request_invalid */
export function endOfString(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== quote) throw notJson();
  // Faster than the automaton is: most strings are plain from end to end.
  const at = skipPlain(bytes, start + 1);
  return bytes[at] === quote ? at + 1 : endFrom(topString, bytes, at, bytes.length);
}

function endFrom(state: number, bytes: Uint8Array, start: number, maxEnd: number): number {
  const run = new AutomatonRun(json, bytes, start, state);
  const stop = run.toStop(maxEnd);
  if (stop === undefined || stop === end) return run.at;
  throw notJson(
    stop === json.tooDeep ? `The body is nested more than ${maxDepth} levels deep.` : undefined,
  );
}

export function readString(bytes: Buffer, start: number, end: number): string {
  const spelled = bytes.toString('utf8', start + 1, end - 1);
  return spelled.includes('\\') ? JSON.parse(`"${spelled}"`) : spelled;
}

/**
 * Skips plain characters, from the 257th on four at a time while all of a word are: none is below a space, and a quote
 * or a backslash would be zero after the exclusive or (the tests of Hacker's Delight, section 6-1, for a byte below n).
 */
export function skipPlain(bytes: Uint8Array, start: number): number {
  const aligned = start + longRun + ((4 - ((bytes.byteOffset + start) & 3)) & 3);
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
