/** Shorter secrets are not redacted: they occur by chance, and are guessed faster than read. */
export const minSecretBytes = 12;

const minAlphanumerics = 12;
const minRun = 6;

/**
 * Whether a text has enough letters and digits to be recognized by these alone, as all generated
 * tokens have. A password that a person made up may not; looking for its letters would redact prose.
 */
export function isFoundLoosely(text: string): boolean {
  const runs = text.match(/[A-Za-z0-9]+/g) ?? [];
  return runs.join('').length >= minAlphanumerics && runs.some(({ length }) => length >= minRun);
}

/** Services generate secrets of 16 characters and more; all but a few of these have so many bits by the estimate below. */
const minCharacters = 16;
const minBits = 46;
/** Of English (Shannon, Prediction and Entropy of Printed English, 1951). */
const bitsPerWordLetter = 2;
const bitsPerRepetition = 0.5;
const wordOrCharacter = /(\p{Lu}?\p{Ll}{4,}|\p{Lu}{4,})|./gsu;
const letter = /\p{L}/u;
const digit = /\d/;

/** A group of characters that is repeated at once, as in `20242024`. */
const repeatedGroup = /(.+?)\1+/gsu;
/** The time to find such groups grows faster than the length; so much is enough of any secret. */
const maxJudged = 256;

/**
 * True if a secret could be guessed, since it is as short or as regular as people make them up. An estimate without a
 * dictionary: words count little, so do characters that repeat or continue the one before, and a group counts once.
 */
export function isGuessable(text: string): boolean {
  if ([...text].length < minCharacters) return true;
  return estimatedBits(text.slice(0, maxJudged).replace(repeatedGroup, '$1')) < minBits;
}

function estimatedBits(text: string): number {
  let bits = 0;
  let before = 0;
  for (const [piece, word] of text.matchAll(wordOrCharacter)) {
    for (const char of piece) {
      const code = char.codePointAt(0) ?? 0;
      const isRepetition = Math.abs(code - before) <= 1;
      const ofCharacter = word === undefined ? bitsOf(char) : bitsPerWordLetter;
      bits += isRepetition ? bitsPerRepetition : ofCharacter;
      before = code;
    }
  }
  return bits;
}

function bitsOf(char: string): number {
  if (digit.test(char)) return Math.log2(10);
  return letter.test(char) ? Math.log2(26) : 2;
}
