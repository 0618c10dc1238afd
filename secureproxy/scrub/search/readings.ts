/** One way to read a piece of text: UTF-8 of the character that it stands for, and its bounds. */
export interface Reading {
  readonly utf8: readonly number[];
  readonly from: number;
  readonly to: number;
}

type Escape = Omit<Reading, 'from'>;

/** Maximum length of one character's spelling that is read, in bytes. */
export const maxSpellingBytes = 20;
/** Escapes within escapes: three levels of JSON take seven backslashes ahead of a quote. */
const maxDepth = 8;

const percent = 0x25;
const ampersand = 0x26;
const equals = 0x3d;
const backslash = 0x5c;

/** `\b`, `\f`, `\n`, `\r`, `\t` (RFC 8259 §7). */
export const controls: ReadonlyMap<string, number> = new Map([
  ['b', 0x08],
  ['f', 0x0c],
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
]);

/** Names of HTML for the ASCII characters that are no letter or digit, in the order of these characters. */
const symbols = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}';
const symbolNames =
  'excl quot num dollar percnt amp apos lpar rpar ast plus comma hyphen period sol colon semi lt equals gt quest commat lsqb bsol rsqb hat lowbar grave lcub verbar rcub';
const named = new Map(symbolNames.split(' ').map((name, i) => [name, symbols.charCodeAt(i)]));

/** Whether a byte may begin an escape: of URLs, string literals, HTML, quoted-printable (RFC 2045 §6.7). */
export function isIntroducer(byte: number | undefined): boolean {
  return byte === percent || byte === backslash || byte === ampersand || byte === equals;
}

/**
 * All that the bytes at `at` may stand for, from the byte itself to the escape that removes most
 * levels: `%2541` may be `%`, the `%` of `%25`, and `A`. Empty at the end.
 */
export function readingsAt(bytes: Uint8Array, at: number, depth = maxDepth): Reading[] {
  if (at >= bytes.length) return [];
  let last: Reading = { utf8: [bytes[at] as number], from: at, to: at + 1 };
  const found = [last];
  while (isIntroducer(last.utf8[0]) && found.length <= depth) {
    const behind = escapeBehind(bytes, last.utf8[0] as number, last.to, depth);
    if (behind === undefined || behind.to - at > maxSpellingBytes) break;
    last = { ...behind, from: at };
    found.push(last);
  }
  return found;
}

/** All readings of what ends before `to`. */
export function readingsBefore(bytes: Uint8Array, to: number): Reading[] {
  if (to <= 0) return [];
  const found: Reading[] = [{ utf8: [bytes[to - 1] as number], from: to - 1, to }];
  for (let from = to - 2; from >= Math.max(0, to - maxSpellingBytes); from--) {
    if (!isIntroducer(bytes[from])) continue;
    for (const reading of readingsAt(bytes, from)) if (reading.to === to) found.push(reading);
  }
  return found;
}

/** Reads the escape whose introducer ends at `at`. */
function escapeBehind(
  bytes: Uint8Array,
  introducer: number,
  at: number,
  depth: number,
): Escape | undefined {
  if (introducer === ampersand) return reference(bytes, at, depth);
  if (introducer !== backslash) return byteAt(bytes, at, depth);
  // A backslash behind a backslash may introduce an escape in turn, once a level is removed.
  const letter = charAt(bytes, at, bytes[at] === backslash ? 0 : depth);
  if (letter === undefined) return undefined;
  if (letter.char === 'u') return codeUnits(bytes, letter.to, depth);
  if (letter.char === 'x') return byteAt(bytes, letter.to, depth);
  return { utf8: [controls.get(letter.char) ?? letter.char.charCodeAt(0)], to: letter.to };
}

/** Reads behind `\u`; two surrogates are one character. */
function codeUnits(bytes: Uint8Array, at: number, depth: number): Escape | undefined {
  const { value, to, count } = digitsAt(bytes, at, 16, 4, depth);
  if (count < 4) return undefined;
  if (value >= 0xd800 && value < 0xdc00) {
    let behind = to;
    while (bytes[behind] === backslash) behind++;
    if (behind > to && bytes[behind] === 0x75) {
      const low = digitsAt(bytes, behind + 1, 16, 4, depth);
      if (low.count === 4 && low.value >= 0xdc00 && low.value < 0xe000)
        return { utf8: utf8Of(String.fromCharCode(value, low.value)), to: low.to };
    }
  }
  return { utf8: utf8Of(String.fromCharCode(value)), to };
}

/** Reads behind `&`: `#43;`, `#x2B;`, `plus;`. */
function reference(bytes: Uint8Array, at: number, depth: number): Escape | undefined {
  let { char, to } = charAt(bytes, at, depth) ?? { char: '', to: at };
  if (char === '#') {
    const mark = charAt(bytes, to, depth);
    const isHex = mark?.char === 'x' || mark?.char === 'X';
    const digits = digitsAt(bytes, isHex ? mark.to : to, isHex ? 16 : 10, 8, depth);
    const end = charAt(bytes, digits.to, depth);
    if (digits.count === 0 || digits.value > 0x10ffff || end?.char !== ';') return undefined;
    return { utf8: utf8Of(String.fromCodePoint(digits.value)), to: end.to };
  }
  let name = '';
  while (/[a-z]/i.test(char) && name.length < 8) {
    name += char.toLowerCase();
    ({ char, to } = charAt(bytes, to, depth) ?? { char: '', to });
  }
  const symbol = named.get(name);
  return symbol === undefined || char !== ';' ? undefined : { utf8: [symbol], to };
}

/** Reads the byte that two hexadecimal digits stand for. */
function byteAt(bytes: Uint8Array, at: number, depth: number): Escape | undefined {
  const { value, to, count } = digitsAt(bytes, at, 16, 2, depth);
  return count === 2 ? { utf8: [value], to } : undefined;
}

/** Reads up to `max` digits of a radix up to 16. */
function digitsAt(bytes: Uint8Array, at: number, radix: number, max: number, depth: number) {
  let [value, to, count] = [0, at, 0];
  for (; count < max; count++) {
    const next = charAt(bytes, to, depth);
    const digit = digitOf(next?.char.charCodeAt(0) ?? 0);
    if (next === undefined || digit < 0 || digit >= radix) break;
    value = value * radix + digit;
    to = next.to;
  }
  return { value, to, count };
}

/** A character of an escape's own syntax, which may be escaped in turn. */
function charAt(bytes: Uint8Array, at: number, depth: number) {
  const byte = bytes[at];
  if (byte === undefined) return undefined;
  if (depth === 0 || !isIntroducer(byte)) return { char: String.fromCharCode(byte), to: at + 1 };
  const { utf8, to } = readingsAt(bytes, at, depth - 1).at(-1) as Reading;
  return { char: String.fromCharCode(utf8[0] as number), to };
}

export function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

const utf8Of = (text: string) => [...Buffer.from(text)];
