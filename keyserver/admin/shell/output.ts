import type { AdminError } from '../../operations/operation-error.ts';
import type { AdminIo } from './io.ts';

// Names and key ids come from a database that others may write to. Left as they are, control
// characters would move the cursor, and bidi controls would show one name as another.
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;

/** The text with control characters spelled out, so that it cannot act on a terminal. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** Where a command's result and remarks go: one JSON value with `--json`, else short text. */
export class Output {
  readonly json: boolean;
  readonly #io: AdminIo;

  constructor(io: AdminIo, json: boolean) {
    this.#io = io;
    this.json = json;
  }

  /** The command's one result: `value` as JSON, or the lines of `text`. */
  result(value: unknown, text: string): void {
    const shown = this.json ? JSON.stringify(value, null, 2) : printableLines(text);
    if (shown !== '') this.#io.writeStdout(`${shown}\n`);
  }

  /** A remark beside the result, on stderr; programs get it as a member of the result instead. */
  note(text: string): void {
    if (!this.json) this.#io.writeStderr(`${printableLines(text)}\n`);
  }

  failure({ code, message, hint }: AdminError): void {
    const text = this.json
      ? JSON.stringify({ error: { code, message, hint } })
      : printableLines(`error: ${message}\n  ${hint}`);
    this.#io.writeStderr(`${text}\n`);
  }
}

function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** Rows under their headings in aligned columns; `empty` where there is no row. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  empty: string,
): string {
  return rows.length === 0 ? empty : columns([headings.map((name) => name.toUpperCase()), ...rows]);
}

/** One `name  value` line for each member. */
export function record(members: Readonly<Record<string, string>>): string {
  return columns(Object.entries(members));
}

function columns(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(printable));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => width(row[column] ?? ''))),
  );
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function width(text: string): number {
  return [...text].length;
}

/** `1 token`, `2 tokens`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
