import { isCallerKey } from '../../shared/crypto/caller-key.ts';

const prefix = 'spk_';
/** Base62 characters behind it. */
const keyLetters = 36;
const percent = 0x25;
const backslash = 0x5c;
const u = 0x75;
const zero = 0x30;
const two = 0x32;
const five = 0x35;
/** A code that is no character of a key. */
const other = 0;

/** Bytes that a spelling of the prefix can begin with. */
const isStart = tableOf(/[s%\\]/, () => 1);
/** A character's place in the prefix, from 1, or 0. */
const places = tableOf(/[spk_]/, (character) => prefix.indexOf(character) + 1);
const isLetter = tableOf(/[0-9A-Za-z]/, () => 1);
/** The value of a hexadecimal digit plus one, or 0. */
const hexPlusOne = tableOf(/[0-9A-Fa-f]/, (digit) => Number.parseInt(digit, 16) + 1);

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
  const { length } = bytes;
  /** Characters of the prefix that came last. */
  let begun = 0;
  let at = 0;
  while (at < length) {
    if (begun === 0) {
      while (at < length && isStart[bytes[at] as number] === 0) at += 1;
      if (at === length) return false;
    }
    const end = endOfCharacter(bytes, at);
    const place = places[characterAt(bytes, at, end)] as number;
    at = end;
    if (place === begun + 1) begun = place;
    else begun = place === 1 ? 1 : 0;
    if (begun < prefix.length) continue;
    begun = 0;
    const lettersEnd = endOfLetters(bytes, at);
    if (lettersEnd !== undefined && isKey(prefix + unescaped(bytes, at, lettersEnd))) return true;
  }
  return false;
}

/** The end of the letters of a key whose prefix ends at `start`; undefined if there are fewer. */
function endOfLetters(bytes: Uint8Array, start: number): number | undefined {
  let at = start;
  for (let count = 0; count < keyLetters; count++) {
    if (at >= bytes.length) return undefined;
    if (isLetter[bytes[at] as number] === 1) {
      at += 1;
      continue;
    }
    const end = endOfCharacter(bytes, at);
    if (isLetter[characterAt(bytes, at, end)] !== 1) return undefined;
    at = end;
  }
  return at;
}

function unescaped(bytes: Uint8Array, start: number, end: number): string {
  const codes: number[] = [];
  for (let at = start; at < end; ) {
    const next = endOfCharacter(bytes, at);
    codes.push(characterAt(bytes, at, next));
    at = next;
  }
  return String.fromCharCode(...codes);
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

/** The character from `start` to `end`, unescaped. */
function characterAt(bytes: Uint8Array, start: number, end: number): number {
  return end - start === 1 ? (bytes[start] as number) : pairAt(bytes, end - 2);
}

/** The character of two hexadecimal digits. */
function pairAt(bytes: Uint8Array, at: number): number {
  if (at + 1 >= bytes.length) return other;
  const high = hexPlusOne[bytes[at] as number] as number;
  const low = hexPlusOne[bytes[at + 1] as number] as number;
  return high === 0 || low === 0 ? other : (high - 1) * 16 + low - 1;
}

/** A number for each byte: one look-up in place of comparisons. */
function tableOf(pattern: RegExp, numberOf: (character: string) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => {
    const character = String.fromCharCode(code);
    return pattern.test(character) ? numberOf(character) : 0;
  });
}
