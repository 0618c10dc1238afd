import { containsAppKey } from '../../shared/crypto/caller-key.ts';

/** A key alone, or as SDKs send it; most are. */
const usual = /^(?:Bearer )?(spk_[0-9A-Za-z]{36})$/;
/** In every value with a key: the prefix, or what base64 makes of it at each of its three offsets. */
const hint = /spk_|c3BrX|Nwa1|zcGtf/;
const base64Hint = /c3BrX|Nwa1|zcGtf/;
/** The same, and what an escape of any kind begins with. */
const spelledHint = /spk_|c3BrX|Nwa1|zcGtf|[%\\]/;
const base64Run = /[0-9A-Za-z+/_-]{6,}/g;
export const minKeyLike = 'spk_'.length + 20;
/** A key-like text up to a delimiter, behind the letter that it follows if it does not stand at the start of a value. */
const keyLike = /([0-9A-Za-z_])?(spk_[0-9A-Za-z]{20,}[^\s,;:="'<>()[\]{}/\\&|@?#]*)/g;
/**
 * Matches a credential that begins as a key does, however short: alone, or behind a scheme, a name or a user. In another
 * case the rest must be key-like, since codes of wares begin so, too.
 */
const begunKey = /^(?:\S*\s+)?(?:[^\s:=]*[:=])?["'<]?(?:spk_|[Ss][Pp][Kk]_[0-9A-Za-z]{20})/;

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
  const decoded = decodeAscii(value);
  if (!hint.test(decoded)) return [];
  return readingsOf(decoded).flatMap((reading) =>
    [...reading.matchAll(keyLike)].flatMap(([, before, text = '']) =>
      before === undefined || containsAppKey(text) ? [text] : [],
    ),
  );
}

/** True for a value of a credential that begins as an app key does, although it may be too short to be taken for one. */
export function isBegunKey(value: string): boolean {
  return readingsOf(decodeAscii(value)).some((reading) => begunKey.test(reading));
}

/** The text itself, and what base64 in it stands for if that may hold the prefix of a key. */
function readingsOf(text: string): string[] {
  const runs = base64Hint.test(text) ? (text.match(base64Run) ?? []) : [];
  const hinted = runs.filter((run) => base64Hint.test(run));
  return [text, ...hinted.map((run) => Buffer.from(run, 'base64').toString('latin1'))];
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
