const maxCharacters = 255;
// C0, DEL and C1, the line and paragraph separators, and the bidi controls, which would let one
// name be displayed as another.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/**
 * What is wrong with the name of a client, type or app, as the end of a sentence; undefined where
 * nothing is. Names are 1–255 characters (code points) of well-formed Unicode without control
 * characters, compared byte by byte: no case folding, no normalisation.
 */
export function nameFault(name: string): string | undefined {
  if (name.length === 0) return 'is empty';
  if (!name.isWellFormed()) return 'is not well-formed Unicode';
  if (controls.test(name)) return 'has a control character';
  if (name.length > maxCharacters && [...name].length > maxCharacters) {
    return `has more than ${maxCharacters} characters`;
  }
  return undefined;
}
