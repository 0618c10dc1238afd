import { controls } from '../../../../shared/names.ts';

// Others may write names and key ids to the database. Unescaped, control characters would move the
// cursor, and bidi controls would show one name as another.
export const unprintable = new RegExp(controls, 'gu');

/** The text with control characters escaped, so that it cannot act on a terminal. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** Rows that are made when they are printed, since a list of them may be long. */
type Rows = () => Iterable<readonly string[]>;

/**
 * The lines of aligned columns, the headings first. With `maxWidth`, the width of a terminal, the widest columns are cut
 * so that a row fits into a line.
 */
export function tableLines(
  headings: readonly string[],
  rows: Rows,
  maxWidth = Infinity,
): Generator<string, void> {
  const titles = headings.map((name) => name.toUpperCase());
  const all = function* () {
    yield titles;
    yield* rows();
  };
  return columns(all, maxWidth);
}

/** As {@link tableLines}, in one text; `empty` if there is no row. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  empty: string,
  maxWidth?: number,
): string {
  return rows.length === 0 ? empty : [...tableLines(headings, () => rows, maxWidth)].join('\n');
}

/** One `name  value` line per member. */
export function record(members: Readonly<Record<string, string>>): string {
  return [...columns(() => Object.entries(members), Infinity)].join('\n');
}

const gap = '  ';
/** Narrower columns tell nothing. */
const minColumn = 8;

function* columns(rows: Rows, maxWidth: number): Generator<string, void> {
  const needed: number[] = [];
  for (const row of rows()) {
    for (const [column, cell] of row.entries()) {
      needed[column] = Math.max(needed[column] ?? 0, width(printable(cell)));
    }
  }
  const widths = fitted(needed, maxWidth);
  for (const row of rows()) {
    yield row
      .map((cell, column) => {
        const shown = cut(printable(cell), widths[column] ?? 0);
        return shown + ' '.repeat((widths[column] ?? 0) - width(shown));
      })
      .join(gap)
      .trimEnd();
  }
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
