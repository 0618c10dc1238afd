/** A result or a new key that cannot be written. Neither its message nor its hint has a secret. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
  readonly code = 'output_failed';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** The error for a failure of the operating system, with its code behind `message`; any other error as it is. */
export function outputError(error: unknown, message: string, hint: string): unknown {
  const code = systemCode(error);
  return code === undefined ? error : new OutputError(`${message} (${code})`, hint);
}

/** The code of an error of the operating system, such as `ENOSPC`; undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error
    ? (error as NodeJS.ErrnoException).code
    : undefined;
}
