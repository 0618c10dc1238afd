import type { Failure } from './failure.ts';
import type { AdminIo } from './io.ts';
import { OutputError, systemCode } from './output-error.ts';
import { hasColors, painted } from './text/paint.ts';
import { printable, table, unprintable } from './text/table.ts';

/** Turns a value into text for programs. */
export type Format = (value: unknown) => string;

export const json: Format = (value) => JSON.stringify(value, null, 2);

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
      throw outputError(error, 'key', hint);
    }
  }

  /** Prints plain text. A reader that has seen enough, such as `head`, is not a failure. @throws OutputError */
  print(text: string): void {
    try {
      if (text !== '') this.#io.writeStdout(text);
    } catch (error) {
      if (systemCode(error) === 'EPIPE') return;
      throw outputError(error, 'result', 'the command itself succeeded; only its output is lost');
    }
  }

  /** Prints a remark beside the result, on stderr; programs find it in a member of the result. */
  note(text: string): void {
    if (this.format === undefined) this.#tell(text);
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

  #shown(value: unknown, text: string): string {
    if (this.format !== undefined) {
      const formatted = this.format(value);
      // Every reader of YAML reads JSON, which can escape what YAML leaves as it is.
      const isSafe = printableLines(formatted) === formatted;
      return `${isSafe ? formatted.trimEnd() : escapedJson(value)}\n`;
    }
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

function outputError(error: unknown, what: string, hint: string): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  return new OutputError(`cannot write the ${what} (${code})`, hint);
}

/** JSON whose strings cannot act on a terminal. */
function escapedJson(value: unknown): string {
  const escaped = (one: string) =>
    one === '\n' ? one : `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return json(value).replace(unprintable, escaped);
}

function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
