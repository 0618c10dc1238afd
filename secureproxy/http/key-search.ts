import { isCallerKey } from '../../shared/crypto/caller-key.ts';
import { AutomatonRun } from '../automaton/automaton-run.ts';
import { byteTable, hexPlusOne } from '../automaton/byte-table.ts';
import { keyStart, lettersBefore, prefix } from '../automaton/key-automaton.ts';

const nothingBegun = keyStart.numberOf('0');
const keyLetters = 36;
const percent = 0x25;
const backslash = 0x5c;
const u = 0x75;
const zero = 0x30;
const two = 0x32;
const five = 0x35;
const other = 0;

const isLetter = byteTable(/[0-9A-Za-z]/);
/** The characters of the text that may be a key: one array for all, since a flood of such texts is searched in one go. */
const letters: number[] = Array(keyLetters).fill(0);

/**
 * Returns true if the bytes contain an app key, each character of it plain, or escaped once or more as in JSON strings
 * (`\u0073`) and forms (`%73`). In linear time, since anyone may send them: a byte is read again only behind a prefix,
 * and what follows one ends at the next.
 * @param isKey judges the texts that have the form of a key
 */
export function containsKey(
  bytes: Uint8Array,
  isKey: (text: string) => boolean = (text) => isCallerKey(text, prefix),
): boolean {
  const run = new AutomatonRun(keyStart, bytes, 0, nothingBegun);
  for (;;) {
    const stop = run.toStop(bytes.length);
    if (stop === undefined) return false;
    run.at -= lettersBefore(stop);
    run.state = nothingBegun;
    if (readLetters(bytes, run.at) && isKey(prefix + String.fromCharCode(...letters))) return true;
  }
}

/** Reads the letters of a key whose prefix ends at `start` into `letters`; false if there are fewer. */
function readLetters(bytes: Uint8Array, start: number): boolean {
  let at = start;
  for (let count = 0; count < keyLetters; count++) {
    if (at >= bytes.length) return false;
    const end = isLetter[bytes[at] as number] === 1 ? at + 1 : endOfCharacter(bytes, at);
    const letter = characterAt(bytes, at, end);
    if (isLetter[letter] !== 1) return false;
    letters[count] = letter;
    at = end;
  }
  return true;
}

/**
 * Returns the end of the character at `start`: behind the digits of an escape (`%73`, `%252573`, `\\\u0073`), or
 * behind what begins as one and is none.
 */
function endOfCharacter(bytes: Uint8Array, start: number): number {
  const { length } = bytes;
  const sign = bytes[start];
  let at = start + 1;
  if (sign === percent) {
    while (at + 1 < length && bytes[at] === two && bytes[at + 1] === five) at += 2;
    return pairAt(bytes, at) === other ? at : at + 2;
  }
  if (sign !== backslash) return at;
  while (at < length && bytes[at] === backslash) at += 1;
  const digits = at + 'u00'.length;
  if (pairAt(bytes, digits) === other) return at;
  return bytes[at] === u && bytes[at + 1] === zero && bytes[at + 2] === zero ? digits + 2 : at;
}

function characterAt(bytes: Uint8Array, start: number, end: number): number {
  return end - start === 1 ? (bytes[start] as number) : pairAt(bytes, end - 2);
}

function pairAt(bytes: Uint8Array, at: number): number {
  if (at + 1 >= bytes.length) return other;
  const high = hexPlusOne[bytes[at] as number] as number;
  const low = hexPlusOne[bytes[at + 1] as number] as number;
  return high === 0 || low === 0 ? other : (high - 1) * 16 + low - 1;
}
