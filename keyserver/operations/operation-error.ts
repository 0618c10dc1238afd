/** Every way an operation fails. */
export type AdminErrorCode =
  | 'not_found'
  | 'integrity_failed'
  | 'usage'
  | 'input_invalid'
  | 'already_exists'
  | 'settings_invalid'
  | 'database_unavailable'
  | 'migrations_pending'
  | 'internal';

/** A failure for the operator: `message` says what is wrong, `hint` what to do next. Neither has a secret. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly code: AdminErrorCode;
  readonly hint: string;

  constructor(code: AdminErrorCode, message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
