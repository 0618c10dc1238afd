/** A change that the operator did not confirm. */
export class ConfirmationError extends Error {
  override readonly name = 'ConfirmationError';
  readonly code = 'confirmation_required';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}
