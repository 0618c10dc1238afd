/**
 * Every error code of both services. `status` is the HTTP status; `proxyError` is the error type
 * (RFC 9209 §2.3) that SecureProxy puts in `Proxy-Status`. A retired code is never reused.
 * docs/errors/<code>.md explains each code to callers and operators.
 */
export const errorTable = {
  request_invalid: row(400, 'The request is malformed', 'http_request_error'),
  request_stale: row(
    400,
    'The timestamp is too old or too new, or the nonce was used',
    'http_request_error',
  ),
  session_invalid: row(400, 'The session cannot be opened', 'http_request_error'),
  caller_unauthenticated: row(401, 'The caller is unknown', 'http_request_denied'),
  grant_denied: row(403, 'No grant allows this call', 'http_request_denied'),
  destination_denied: row(
    403,
    'The token must not be sent to this destination',
    'http_request_denied',
  ),
  route_not_found: row(404, 'There is no such route', 'http_request_error'),
  token_not_found: row(
    404,
    'No token is stored for this client and type',
    'proxy_configuration_error',
  ),
  type_not_found: row(404, 'The token type is not defined', 'proxy_configuration_error'),
  method_not_allowed: row(405, 'The route does not support this method', 'http_request_error'),
  token_expired: row(410, 'The stored token has expired', 'proxy_configuration_error'),
  body_too_large: row(413, 'The request body is too large', 'http_request_error'),
  media_type_unsupported: row(415, 'The media type is not supported', 'http_request_error'),
  rate_limited: row(429, 'Too many requests', 'http_request_denied'),
  internal: row(500, 'Internal error', 'proxy_internal_error'),
  integrity_failed: row(500, 'Stored data failed its integrity check', 'proxy_internal_error'),
  upstream_invalid: row(502, "The upstream's answer is invalid", 'http_protocol_error'),
  upstream_unreachable: row(502, 'The upstream cannot be reached', 'destination_unavailable'),
  keyserver_unavailable: row(503, 'KeyServer is unavailable', 'proxy_internal_response'),
  overloaded: row(503, 'The service is overloaded', 'proxy_internal_response'),
  upstream_timeout: row(504, 'The upstream timed out', 'http_response_timeout'),
};

function row(status: number, title: string, proxyError: string) {
  return { status, title, proxyError };
}

export type ErrorCode = keyof typeof errorTable;
export const errorCodes = Object.keys(errorTable) as ErrorCode[];

/** True for a code of the table; for values received over the wire. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorTable, value);
}

/** Errors of a token endpoint (RFC 6749 §5.2). */
type OauthError = 'invalid_request' | 'invalid_client' | 'unsupported_grant_type';

interface ServiceErrorOptions {
  /** A sentence for the caller about the fault and its remedy. Never a secret or another error's text. */
  readonly detail?: string;
  /** Stable snake_case name of the check that failed, for programs and logs. */
  readonly reason?: string;
  /** The underlying error; for the log only. */
  readonly cause?: unknown;
  readonly retryAfterSeconds?: number;
  /** Further headers of the answer, names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** KeyServer's clock, seconds since the Unix epoch, if the fault is that of another clock. */
  readonly now?: number;
  /** Code of OAuth (RFC 6749 §5.2) for an SDK that asked for a token. */
  readonly oauthError?: OauthError;
  /** Overrides the table's status if a code has two (docs/errors/token_not_found.md). */
  readonly status?: number;
  /** Overrides the table's RFC 9209 type if the cause is known more exactly. */
  readonly proxyError?: string;
}

/** An error with a code of the table; `shared/http/problem.ts` alone turns it into problem+json. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ErrorCode;
  readonly options: ServiceErrorOptions;

  constructor(code: ErrorCode, options: ServiceErrorOptions = {}) {
    super(options.detail ?? errorTable[code].title, { cause: options.cause });
    this.code = code;
    this.options = options;
  }

  get status(): number {
    return this.options.status ?? errorTable[this.code].status;
  }
}
