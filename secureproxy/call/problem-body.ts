import type { FastifyRequest } from 'fastify';
import { fillErrorBody } from '../../shared/policy/answers/error-body.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import type { Call } from './call.ts';

/**
 * The form of the errors of a call that its grant allows: the type's at `/forward`, for SDKs that read no other; null
 * for the usual one, which callers of the other routes read.
 */
export function problemBodyOf(
  { base }: Pick<Call, 'base'>,
  { errorBody }: Pick<Policy, 'errorBody'>,
): FastifyRequest['problemBody'] {
  if (base === undefined || errorBody === undefined) return null;
  // SDKs that read seconds there read a number, whatever the error.
  return ({ code, title, status, detail = title, reason = '', requestId }, seconds = 0) =>
    fillErrorBody(errorBody, {
      ...{ code, title, detail, reason, requestId },
      ...{ status: String(status), retryAfter: String(seconds) },
    });
}
