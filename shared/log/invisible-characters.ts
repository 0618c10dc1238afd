/**
 * DEL and C1, format characters (bidi controls and marks, zero-width ones, tags), line and paragraph
 * separators: terminals act on them, or they make one text look like another.
 */
const invisible = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/u;
const everyInvisible = new RegExp(invisible, 'gu');
/** The same and C0, except tab and line feed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern finds control characters
const everyUnprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Escapes the invisible characters of a line of JSON as `\uXXXX`; the line parses to the same value.
 * JSON always escapes C0.
 */
export function escapeInvisible(json: string): string {
  // Most lines are ASCII, and to see that takes a third of a pattern's time.
  const isAscii = Buffer.byteLength(json) === json.length;
  const hasNone = isAscii ? !json.includes('\x7f') : !invisible.test(json);
  return hasNone ? json : json.replace(everyInvisible, escapeUnits);
}

/** Escapes the characters that could control a terminal or reorder its text as `\uXXXX`. */
export function forTerminal(text: string): string {
  return text.replace(everyUnprintable, escapeUnits);
}

function escapeUnits(characters: string): string {
  let escaped = '';
  for (let i = 0; i < characters.length; i++) {
    escaped += `\\u${characters.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}
