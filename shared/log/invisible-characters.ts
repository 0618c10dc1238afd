/**
 * DEL and C1, format characters (bidi controls and marks, zero-width ones, tags), line and paragraph
 * separators: what terminals act on, or what makes one text look like another.
 */
const invisible = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/u;
const everyInvisible = new RegExp(invisible, 'gu');
/** C0 too, but for tab and line feed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const everyUnprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * A line of JSON with invisible characters as `\uXXXX`; it parses to the same value. C0 controls are
 * escaped in JSON anyway.
 */
export function escapeInvisible(json: string): string {
  // Nearly no line has one: looking is cheaper than replacing nothing.
  return invisible.test(json) ? json.replace(everyInvisible, escapeUnits) : json;
}

/** Text for a terminal: what could steer it, or turn what is shown, reads `\uXXXX`. */
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
