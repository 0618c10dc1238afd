import { type ErrorCode, ServiceError } from '../errors.ts';

/** A refusal: the error code, the stable name of the failed check, and a sentence for the caller. */
export interface Refusal {
  readonly allowed: false;
  readonly code: Extract<ErrorCode, 'grant_denied' | 'destination_denied' | 'request_invalid'>;
  readonly reason: string;
  readonly detail: string;
}

/** The outcome of a pure decision; an approval has a value, such as the matching grant. */
export type Verdict<T> = { readonly allowed: true; readonly value: T } | Refusal;

export function allow<T>(value: T): Verdict<T> {
  return { allowed: true, value };
}

export function refuse(code: Refusal['code'], reason: string, detail: string): Refusal {
  return { allowed: false, code, reason, detail };
}

/** The value of an approval. @throws ServiceError with the refusal's code and reason */
export function checkAllowed<T>(verdict: Verdict<T>): T {
  if (verdict.allowed) return verdict.value;
  throw new ServiceError(verdict.code, { reason: verdict.reason, detail: verdict.detail });
}
