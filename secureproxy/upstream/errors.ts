import { type ErrorCode, ServiceError } from '../../shared/errors.ts';

type Meaning = readonly [code: ErrorCode, proxyError: string, reason: string];

/** Meanings of undici's codes, with the error types of RFC 9209 §2.3. */
const meanings: Readonly<Record<string, Meaning>> = {
  UND_ERR_HEADERS_TIMEOUT: ['upstream_timeout', 'http_response_timeout', 'headers_timeout'],
  UND_ERR_BODY_TIMEOUT: ['upstream_timeout', 'connection_read_timeout', 'body_timeout'],
  UND_ERR_SOCKET: ['upstream_unreachable', 'connection_terminated', 'connection_closed'],
  ECONNRESET: ['upstream_unreachable', 'connection_terminated', 'connection_closed'],
  EPIPE: ['upstream_unreachable', 'connection_terminated', 'connection_closed'],
  UND_ERR_HEADERS_OVERFLOW: ['upstream_invalid', 'http_protocol_error', 'headers_too_large'],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: [
    'upstream_invalid',
    'http_protocol_error',
    'length_mismatch',
  ],
};

/**
 * Maps an error of undici to one for the caller, who does not see the cause. The connector's own errors,
 * of a connection that did not come about, pass.
 */
export function upstreamError(error: Error & { code?: unknown }): ServiceError {
  if (error instanceof ServiceError) return error;
  const [code, proxyError, reason] = meaningOf(error);
  return new ServiceError(code, {
    proxyError,
    reason,
    detail: details[code] ?? 'The call to the upstream failed.',
    cause: error,
  });
}

function meaningOf(error: Error & { code?: unknown; syscall?: unknown }): Meaning {
  const code = typeof error.code === 'string' ? error.code : '';
  // The message is undici's for a 101, which nothing asked for.
  if (
    code.startsWith('HPE_') ||
    error.name === 'HTTPParserError' ||
    error.message === 'bad upgrade'
  )
    return ['upstream_invalid', 'http_protocol_error', 'not_http'];
  const known = meanings[code];
  if (known !== undefined) return known;
  // The connection stood, so the request may have arrived.
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO')
    return ['upstream_unreachable', 'tls_protocol_error', 'connection_closed'];
  if (error.syscall !== undefined)
    return ['upstream_unreachable', 'connection_terminated', 'connection_closed'];
  return ['internal', 'proxy_internal_error', 'unexpected'];
}

const details: Partial<Record<ErrorCode, string>> = {
  upstream_timeout: 'The upstream did not answer in time.',
  upstream_unreachable: 'The connection to the upstream broke before the answer.',
  upstream_invalid: 'The upstream did not answer in HTTP/1.1.',
};

/** For the log only: there is nobody left to answer. */
export function callerGone(): ServiceError {
  return new ServiceError('request_invalid', {
    reason: 'caller_gone',
    proxyError: 'connection_terminated',
  });
}
