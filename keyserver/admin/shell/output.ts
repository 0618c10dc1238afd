import type { Failure } from './failure.ts';
import type { AdminIo } from './io.ts';
import { OutputError, systemCode } from './output-error.ts';
import { printable } from './table.ts';

/** Prints a command's result and remarks: one JSON value with `--json`, otherwise short text. */
export class Output {
  readonly json: boolean;
  readonly #io: AdminIo;

  constructor(io: AdminIo, json: boolean) {
    this.#io = io;
    this.json = json;
  }

  /** Prints the command's one result: `value` as JSON, or the lines of `text`. @throws OutputError */
  result(value: unknown, text: string): void {
    this.print(this.#shown(value, text));
  }

  /**
   * Prints a result that is shown only once, before it takes effect: a reader that has gone away fails
   * it, too. @throws OutputError
   */
  key(value: unknown, text: string): void {
    try {
      this.#io.writeStdout(this.#shown(value, text));
    } catch (error) {
      throw outputError(error, 'key', 'nothing was changed; write to a place with room, see --out');
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
    if (!this.json) this.#tell(printableLines(text));
  }

  /** Prints a question on stderr without a line break, so that the answer is typed behind it. */
  ask(text: string): void {
    this.#write(printableLines(text));
  }

  failure({ code, message, hint }: Failure): void {
    this.#tell(
      this.json
        ? JSON.stringify({ error: { code, message, hint } })
        : printableLines(`error: ${message}\n  ${hint}`),
    );
  }

  #shown(value: unknown, text: string): string {
    const shown = this.json ? JSON.stringify(value, null, 2) : printableLines(text);
    return shown === '' ? '' : `${shown}\n`;
  }

  #tell(text: string): void {
    this.#write(`${text}\n`);
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

function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
