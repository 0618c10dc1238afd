import { controls } from '../../../../shared/names.ts';

// Others may write names and key ids to the database. Unescaped, control characters would move the
// cursor, and bidi controls would show one name as another.
export const unprintable = new RegExp(controls, 'gu');

/** The text with control characters escaped, so that it cannot act on a terminal. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/**
 * Rows in aligned columns under their headings; `empty` if there is no row. With `maxWidth`, the width of a
 * terminal, the widest columns are cut so that a row fits into a line.
 */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  empty: string,
  maxWidth = Infinity,
): string {
  if (rows.length === 0) return empty;
  return columns([headings.map((name) => name.toUpperCase()), ...rows], maxWidth);
}

/** One `name  value` line per member. */
export function record(members: Readonly<Record<string, string>>): string {
  return columns(Object.entries(members), Infinity);
}

const gap = '  ';
/** Narrower columns tell nothing. */
const minColumn = 8;

function columns(rows: readonly (readonly string[])[], maxWidth: number): string {
  const cells = rows.map((row) => row.map(printable));
  const needed = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => width(row[column] ?? ''))),
  );
  const widths = fitted(needed, maxWidth);
  return cells
    .map((row) =>
      row
        .map((cell, column) => {
          const shown = cut(cell, widths[column] ?? 0);
          return shown + ' '.repeat((widths[column] ?? 0) - width(shown));
        })
        .join(gap)
        .trimEnd(),
    )
    .join('\n');
}

/** Narrows the widest columns, and no others, as far as needed. */
function fitted(needed: readonly number[], maxWidth: number): number[] {
  const widths = [...needed];
  const room = maxWidth - gap.length * (widths.length - 1);
  for (;;) {
    const excess = widths.reduce((sum, one) => sum + one, 0) - room;
    const widest = Math.max(...widths);
    if (excess <= 0 || widest <= minColumn) return widths;
    widths[widths.indexOf(widest)] = widest - 1;
  }
}

function cut(text: string, maxWidth: number): string {
  if (width(text) <= maxWidth) return text;
  let shown = '';
  for (const character of text) {
    if (width(shown + character) >= maxWidth) break;
    shown += character;
  }
  return `${shown}…`;
}

const wide =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
const zero = /[\p{Mn}\p{Me}\p{Cf}]/u;
const ascii = /^[ -~]*$/;

/** Cells of a terminal that a text takes (Unicode TR 11): two for East Asian characters, none for marks. */
function width(text: string): number {
  if (ascii.test(text)) return text.length;
  let sum = 0;
  for (const character of text) sum += zero.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return sum;
}
