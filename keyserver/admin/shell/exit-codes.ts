import type { OperationErrorCode } from '../../operations/operation-error.ts';
import type { OutputError } from './output-error.ts';

export type FailureCode =
  | OperationErrorCode
  | OutputError['code']
  | 'usage'
  | 'settings_invalid'
  | 'database_unavailable'
  | 'internal';

/** Every way the tool fails, with the exit code for scripts (docs/admin.md). */
export const exitCodes: Record<FailureCode, number> = {
  not_found: 1,
  integrity_failed: 1,
  changed_meanwhile: 1,
  not_confirmed: 1,
  not_checked: 1,
  key_in_use: 1,
  usage: 2,
  input_invalid: 2,
  already_exists: 2,
  confirmation_required: 2,
  settings_invalid: 3,
  database_unavailable: 4,
  migrations_pending: 4,
  /** EX_SOFTWARE of sysexits.h: a bug of the tool. */
  internal: 70,
  /** EX_IOERR of sysexits.h. */
  output_failed: 74,
};

/** Exit code of a command that succeeded, and found a fault or a call that would be rejected. */
export const faultsFoundExitCode = 1;

/** Exit code of `plan` if there are changes. */
export const changesExitCode = 2;
