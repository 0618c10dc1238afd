/** A failure of the command line itself: options that make no sense, files it cannot read or write. */
export class ShellError extends Error {
  override readonly name = 'ShellError';
  readonly code: 'input_invalid' | 'output_failed';
  readonly hint: string;

  /** Neither `message`, which says what is wrong, nor `hint`, which says what to do, has a secret. */
  constructor(code: ShellError['code'], message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** The code of an error of the operating system, such as `ENOSPC`; undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error
    ? (error as NodeJS.ErrnoException).code
    : undefined;
}
