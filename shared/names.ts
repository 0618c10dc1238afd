import { containsCallerKey } from './crypto/caller-key.ts';

const maxCharacters = 255;
// C0, DEL and C1, line and paragraph separators, and bidi controls: with these, one name could be
// displayed as another.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern finds control characters
export const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/**
 * Describes the fault of a client's, type's or app's name as the end of a sentence; undefined if the
 * name is valid. Names are 1–255 characters (code points) of well-formed Unicode without control
 * characters, and have no caller's key, since logs have them. They are compared byte by byte, without case folding or normalisation.
 */
export function nameFault(name: string): string | undefined {
  if (name.length === 0) return 'is empty';
  if (!name.isWellFormed()) return 'is not well-formed Unicode';
  if (controls.test(name)) return 'has a control character';
  if (name.length > maxCharacters && [...name].length > maxCharacters) {
    return `has more than ${maxCharacters} characters`;
  }
  if (containsCallerKey(name)) return 'has the key of an app or a proxy';
  return undefined;
}

/** Format characters, others that do not show (Hangul fillers, variation selectors), and spaces that look like one. */
const unseen = /[\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/u;

/**
 * The same for a name that is not in use yet: it may not look like another one either. Names that exist
 * stay valid.
 */
export function newNameFault(name: string): string | undefined {
  const fault = nameFault(name);
  if (fault !== undefined) return fault;
  if (unseen.test(name)) return 'has a character that does not show';
  // Node reads an argument so, whatever the bytes were.
  if (name.includes('\ufffd')) return 'has a character that stands for bytes that are not UTF-8';
  // Cells of a sheet have them by mistake, and some databases ignore those at the end.
  if (name.trim() !== name) return 'begins or ends with a space';
  return name.normalize('NFC') === name
    ? undefined
    : 'is not in the Unicode form NFC, and looks like the name that is';
}
