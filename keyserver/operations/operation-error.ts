import type { Suggestion } from './suggestion.ts';

/** Why an operation failed; stable, since scripts decide by it. */
export type OperationErrorCode =
  | 'not_found'
  | 'integrity_failed'
  | 'input_invalid'
  | 'already_exists'
  | 'changed_meanwhile'
  | 'confirmation_required'
  | 'migrations_pending'
  /** Too few KeyServers confirm that a step is safe, or one of them objects. */
  | 'not_confirmed'
  /** SecureProxy does not answer, or rejects the call. */
  | 'not_checked'
  /** A key is needed still. */
  | 'key_in_use';

/**
 * The error of every operation: `message` says what is wrong with which subject, and
 * `suggestion` what to do about it. Neither names a command, an option or a secret.
 */
export class OperationError extends Error {
  override readonly name = 'OperationError';
  readonly code: OperationErrorCode;
  readonly suggestion: Suggestion;

  constructor(code: OperationErrorCode, subject: string, suggestion: Suggestion) {
    super(subject);
    this.code = code;
    this.suggestion = suggestion;
  }
}

/** The error for input that cannot be taken, whether an operation or its front end notices. */
export function inputInvalid(subject: string, suggestion: Suggestion): OperationError {
  return new OperationError('input_invalid', subject, suggestion);
}
