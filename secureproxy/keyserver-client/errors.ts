import { isErrorCode, ServiceError } from '../../shared/errors.ts';

/** Status for a missing or expired token: an SDK would take 404 or 410 for the marketplace's answer (RFC 4918 §11.4). */
export const dependencyStatus = 424;

/** Reasons are sent in a header. */
const reasonForm = /^\w{1,64}$/;

/**
 * Maps KeyServer's error to one for the proxy's caller. Faults between the two services, such as a
 * wrong proxy key or clock skew, become `keyserver_unavailable`, since the caller cannot fix them.
 * `timestamp` is the request's, seconds since the Unix epoch.
 */
export function fromKeyserver(body: unknown, timestamp?: number): ServiceError {
  const { code, reason, detail, now } = Object(body) as Record<string, unknown>;
  const options = {
    ...(typeof reason === 'string' && reasonForm.test(reason) ? { reason } : {}),
    ...(typeof detail === 'string' ? { detail } : {}),
  };
  if (!isErrorCode(code))
    return unavailable('keyserver_answer', 'The answer does not follow the protocol of KeyServer.');
  switch (code) {
    case 'token_not_found':
    case 'type_not_found':
    case 'token_expired':
      return new ServiceError(code, { ...options, status: dependencyStatus });
    case 'caller_unauthenticated':
      if (reason === 'proxy_unknown')
        return unavailable('proxy_unknown', 'KeyServer does not know this proxy: check PROXY_KEY.');
      return new ServiceError(code, options);
    case 'session_invalid':
    case 'request_invalid':
    case 'grant_denied':
    case 'destination_denied':
    case 'integrity_failed':
      return new ServiceError(code, options);
    case 'overloaded':
      return new ServiceError(code, { ...options, retryAfterSeconds: 1 });
    case 'request_stale':
      return unavailable('clock_skew', clockFault(now, timestamp));
    default: {
      const isTold = code === 'keyserver_unavailable' && typeof detail === 'string';
      return unavailable(code, `KeyServer cannot answer now${isTold ? `: ${detail}` : '.'}`);
    }
  }
}

/** Says by how much the clocks differ if KeyServer told its own. */
function clockFault(now: unknown, timestamp: number | undefined): string {
  if (!Number.isSafeInteger(now) || timestamp === undefined)
    return 'The clocks of the proxy and KeyServer differ too much.';
  const ahead = timestamp - Number(now);
  const how = `${Math.abs(ahead)} s ${ahead > 0 ? 'ahead of' : 'behind'}`;
  return `SecureProxy's clock is ${how} KeyServer's: synchronise both clocks.`;
}

export function unavailable(reason: string, detail: string, cause?: unknown): ServiceError {
  return new ServiceError('keyserver_unavailable', { reason, detail, cause, retryAfterSeconds: 1 });
}

/** True if KeyServer said no, and not that it cannot tell now. */
export function isRefusal(error: unknown): error is ServiceError {
  if (!(error instanceof ServiceError)) return false;
  const { code, options } = error;
  if (code === 'keyserver_unavailable') return options.reason === 'proxy_unknown';
  return code !== 'overloaded' && code !== 'internal';
}
