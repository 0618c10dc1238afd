import { isErrorCode, ServiceError } from '../../shared/errors.ts';

/** Not found and gone are the marketplace's words to an SDK; ours are a failed dependency (RFC 4918 §11.4). */
export const dependencyStatus = 424;

/**
 * What KeyServer's refusal means to the caller of the proxy. Faults between the two, such as a
 * wrong proxy key or clocks apart, are not the caller's: those are `keyserver_unavailable`, and the
 * log has the cause.
 */
export function fromKeyserver(body: unknown): ServiceError {
  const { code, reason, detail } = Object(body) as Record<string, unknown>;
  const options = {
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof detail === 'string' ? { detail } : {}),
  };
  if (!isErrorCode(code))
    return unavailable('keyserver_answer', 'KeyServer answered something else than its protocol.');
  switch (code) {
    case 'token_not_found':
    case 'type_not_found':
    case 'token_expired':
      return new ServiceError(code, { ...options, status: dependencyStatus });
    case 'caller_unauthenticated':
      if (reason === 'proxy_unknown')
        return unavailable('proxy_unknown', 'KeyServer does not know this proxy: see PROXY_KEY.');
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
      return unavailable('clock_skew', 'The clocks of the proxy and KeyServer are apart.');
    default:
      return unavailable(code, 'KeyServer cannot answer now.');
  }
}

export function unavailable(reason: string, detail: string, cause?: unknown): ServiceError {
  return new ServiceError('keyserver_unavailable', { reason, detail, cause, retryAfterSeconds: 1 });
}
