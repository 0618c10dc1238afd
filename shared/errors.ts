/**
 * Every error code of both services. `status` is the HTTP status; `proxyError` is the error type
 * (RFC 9209 §2.3) that SecureProxy puts in `Proxy-Status`. A retired code is never reused.
 * docs/errors/<code>.md explains each code to callers and operators.
 */
export const errorTable = {
  request_invalid: {
    status: 400,
    title: 'The request is malformed',
    proxyError: 'http_request_error',
  },
  request_stale: {
    status: 400,
    title: 'The timestamp is too old or too new, or the nonce was used',
    proxyError: 'http_request_error',
  },
  session_invalid: {
    status: 400,
    title: 'The session cannot be opened',
    proxyError: 'http_request_error',
  },
  caller_unauthenticated: {
    status: 401,
    title: 'The caller is unknown',
    proxyError: 'http_request_denied',
  },
  grant_denied: {
    status: 403,
    title: 'No grant allows this call',
    proxyError: 'http_request_denied',
  },
  destination_denied: {
    status: 403,
    title: 'The token must not be sent to this destination',
    proxyError: 'http_request_denied',
  },
  route_not_found: {
    status: 404,
    title: 'There is no such route',
    proxyError: 'http_request_error',
  },
  token_not_found: {
    status: 404,
    title: 'No token is stored for this client and type',
    proxyError: 'proxy_configuration_error',
  },
  type_not_found: {
    status: 404,
    title: 'The token type is not defined',
    proxyError: 'proxy_configuration_error',
  },
  method_not_allowed: {
    status: 405,
    title: 'The route does not support this method',
    proxyError: 'http_request_error',
  },
  token_expired: {
    status: 410,
    title: 'The stored token has expired',
    proxyError: 'proxy_configuration_error',
  },
  body_too_large: {
    status: 413,
    title: 'The request body is too large',
    proxyError: 'http_request_error',
  },
  media_type_unsupported: {
    status: 415,
    title: 'The media type is not supported',
    proxyError: 'http_request_error',
  },
  rate_limited: { status: 429, title: 'Too many requests', proxyError: 'http_request_denied' },
  internal: { status: 500, title: 'Internal error', proxyError: 'proxy_internal_error' },
  integrity_failed: {
    status: 500,
    title: 'Stored data failed its integrity check',
    proxyError: 'proxy_internal_error',
  },
  upstream_invalid: {
    status: 502,
    title: "The upstream's answer is invalid",
    proxyError: 'http_protocol_error',
  },
  upstream_unreachable: {
    status: 502,
    title: 'The upstream cannot be reached',
    proxyError: 'destination_unavailable',
  },
  keyserver_unavailable: {
    status: 503,
    title: 'KeyServer is unavailable',
    proxyError: 'proxy_internal_response',
  },
  overloaded: {
    status: 503,
    title: 'The service is overloaded',
    proxyError: 'proxy_internal_response',
  },
  upstream_timeout: {
    status: 504,
    title: 'The upstream timed out',
    proxyError: 'http_response_timeout',
  },
} as const satisfies Record<string, { status: number; title: string; proxyError: string }>;

export type ErrorCode = keyof typeof errorTable;

/** True for a code of the table; for values received over the wire. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorTable, value);
}

export interface ServiceErrorOptions {
  /** A sentence for the caller about the fault and its remedy. Never a secret or another error's text. */
  readonly detail?: string;
  /** Stable snake_case name of the check that failed, for programs and logs. */
  readonly reason?: string;
  /** The underlying error; for the log only. */
  readonly cause?: unknown;
  /** Seconds for `Retry-After`. */
  readonly retryAfterSeconds?: number;
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
