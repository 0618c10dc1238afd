import type { Failure } from './failure.ts';
import type { AdminIo } from './io.ts';
import { OutputError, outputError, systemCode } from './output-error.ts';
import type { Format } from './text/format.ts';
import { hasColors, painted } from './text/paint.ts';
import { printableLines, table, tableLines } from './text/table.ts';

export interface ListView<T> {
  /** An item for programs; default: as it is. */
  readonly value?: (item: T) => unknown;
  readonly headings: readonly string[];
  readonly cells: (item: T) => readonly string[];
  /** Printed if there is no item. */
  readonly empty: string;
}

/** Items or lines that are made and written at once: a million of them fit into no text. */
const partSize = 1000;

/** Prints a command's result and remarks: one value with `--json` or `--output`, otherwise short text. */
export class Output {
  /** Undefined for text. Set by the options of the command line. */
  format: Format | undefined;
  readonly #io: AdminIo;

  constructor(io: AdminIo) {
    this.#io = io;
  }

  /** Rows in aligned columns, on a terminal not wider than it; `empty` if there is no row. */
  table(headings: readonly string[], rows: readonly (readonly string[])[], empty: string): string {
    return table(headings, rows, empty, this.#io.stdoutColumns);
  }

  /** Prints the command's one result, which is a list of any length. @throws OutputError */
  list<T>(items: readonly T[], view: ListView<T>): void {
    this.#printAll(
      this.format === undefined
        ? this.#tableOf(items, view)
        : this.format.list(parts(items.values().map(view.value ?? ((item) => item)))),
    );
  }

  /** Prints the command's one result: `value` in the format, or the lines of `text`. @throws OutputError */
  result(value: unknown, text: string): void {
    this.print(this.#shown(value, text));
  }

  /**
   * Prints a result that is shown only once, before it takes effect: a reader that has gone away fails
   * it, too, and one that never was. @throws OutputError
   */
  key(value: unknown, text: string): void {
    const hint = 'nothing was changed; write to a place with room, see --out';
    if (this.#io.stdoutIsLost) {
      throw new OutputError('nobody reads the key: stdout is closed or the null device', hint);
    }
    try {
      this.#io.writeStdout(this.#shown(value, text));
    } catch (error) {
      throw outputError(error, 'cannot write the key', hint);
    }
  }

  /** Prints plain text. @throws OutputError */
  print(text: string): void {
    if (text !== '') this.#printAll([text]);
  }

  /** Prints a remark beside the result, on stderr; programs find it in a member of the result. */
  note(text: string): void {
    if (this.format === undefined) this.#tell(text);
  }

  /** As {@link note}. */
  warn(warnings: readonly string[]): void {
    for (const warning of warnings) this.note(`warning: ${warning}`);
  }

  /** Prints a question on stderr without a line break, so that the answer is typed behind it. */
  ask(text: string): void {
    this.#write(printableLines(text));
  }

  failure({ code, message, hint }: Failure): void {
    // In one line, so that a log has it as one entry.
    if (this.format !== undefined)
      this.#write(`${JSON.stringify({ error: { code, message, hint } })}\n`);
    else this.#tell(`error: ${message}\n  ${hint}`);
  }

  /** A reader that has seen enough, such as `head`, is not a failure. */
  #printAll(texts: Iterable<string>): void {
    try {
      for (const text of texts) this.#io.writeStdout(text);
    } catch (error) {
      if (systemCode(error) === 'EPIPE') return;
      const hint = 'the command itself succeeded; only its output is lost';
      throw outputError(error, 'cannot write the result', hint);
    }
  }

  *#tableOf<T>(items: readonly T[], { headings, cells, empty }: ListView<T>): Generator<string> {
    if (items.length === 0) {
      yield `${empty}\n`;
      return;
    }
    const { stdoutColumns } = this.#io;
    const lines = tableLines(headings, () => items.values().map(cells), stdoutColumns);
    // Only the headings: a name may be any word.
    yield `${this.#paintedFor(stdoutColumns, lines.next().value ?? '')}\n`;
    for (const part of parts(lines)) yield `${part.join('\n')}\n`;
  }

  #shown(value: unknown, text: string): string {
    if (this.format !== undefined) return this.format.value(value);
    return text === '' ? '' : `${this.#paintedFor(this.#io.stdoutColumns, text)}\n`;
  }

  #tell(text: string): void {
    this.#write(`${this.#paintedFor(this.#io.stderrColumns, text)}\n`);
  }

  #paintedFor(columns: number | undefined, text: string): string {
    const shown = printableLines(text);
    return hasColors(this.#io.environment, columns) ? painted(shown) : shown;
  }

  #write(text: string): void {
    remark(this.#io, text);
  }
}

/** Writes to stderr, if anybody reads it: a command goes on without, and its exit code tells. */
export function remark({ writeStderr }: Pick<AdminIo, 'writeStderr'>, text: string): void {
  try {
    writeStderr(text);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
}

function* parts<T>(items: Iterable<T>): Generator<T[]> {
  let part: T[] = [];
  for (const item of items) {
    part.push(item);
    if (part.length < partSize) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}
