import { containsAppKey } from '../../shared/crypto/caller-key.ts';

/** A key alone, or as SDKs send it; most are. */
const usual = /^(?:Bearer )?(spk_[0-9A-Za-z]{36})$/;
/** In every value with a key: the prefix, or what base64 makes of it at each of its three offsets. */
const hint = /spk_|c3BrX|Nwa1|zcGtf/;
const base64Hint = /c3BrX|Nwa1|zcGtf/;
/** The same, and what an escape of any kind begins with. */
const spelledHint = /spk_|c3BrX|Nwa1|zcGtf|[%\\]/;
const base64Run = /[0-9A-Za-z+/_-]{30,}/g;
export const minKeyLike = 'spk_'.length + 20;
/** A key-like text up to a delimiter, behind the letter that it follows if it does not stand at the start of a value. */
const keyLike = /([0-9A-Za-z_])?(spk_[0-9A-Za-z]{20,}[^\s,;:="'<>()[\]{}/\\&|@?#]*)/g;

/**
 * Returns the key-like texts of a header's or parameter's value: `spk_` and at least 20 base62 characters.
 * A scheme (`Bearer`), quotes, commas, `user:password` and base64 of it may surround them. Texts in the
 * middle of a word are returned only if they contain a well-formed key.
 */
export function appKeysIn(value: string): string[] {
  // Cheap tests first, since most values hold no key.
  if (value.length < minKeyLike) return [];
  const [, key] = usual.exec(value) ?? [];
  if (key !== undefined) return [key];
  const decoded = value.includes('%') ? decodeAscii(value) : value;
  if (!hint.test(decoded)) return [];
  const readings = [decoded];
  if (base64Hint.test(decoded)) {
    for (const [run] of decoded.matchAll(base64Run)) {
      if (base64Hint.test(run)) readings.push(Buffer.from(run, 'base64').toString('latin1'));
    }
  }
  return readings.flatMap((reading) =>
    [...reading.matchAll(keyLike)].flatMap(([, before, text = '']) =>
      before === undefined || containsAppKey(text) ? [text] : [],
    ),
  );
}

/** False for a text without a key in any spelling; a cheap test, since most texts have none. */
export function mayHoldKey(text: string): boolean {
  return spelledHint.test(text);
}

/** More rounds are no honest encoding. */
const maxDecodings = 8;

export function decodeAscii(text: string): string {
  let decoded = text;
  for (let depth = 0; depth < maxDecodings && decoded.includes('%'); depth++) {
    const once = decoded.replace(/%([2-7][0-9a-f])/gi, (_all, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    if (once === decoded) break;
    decoded = once;
  }
  return decoded;
}
