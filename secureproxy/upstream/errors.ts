import { type ErrorCode, ServiceError } from '../../shared/errors.ts';

type Meaning = readonly [code: ErrorCode, proxyError: string, reason: string];

/** Meanings of the codes of undici, the resolver, sockets and TLS, with the error types of RFC 9209 §2.3. */
const meanings: Readonly<Record<string, Meaning>> = {
  UND_ERR_CONNECT_TIMEOUT: ['upstream_timeout', 'connection_timeout', 'connect_timeout'],
  ETIMEDOUT: ['upstream_timeout', 'connection_timeout', 'connect_timeout'],
  UND_ERR_HEADERS_TIMEOUT: ['upstream_timeout', 'http_response_timeout', 'headers_timeout'],
  UND_ERR_BODY_TIMEOUT: ['upstream_timeout', 'connection_read_timeout', 'body_timeout'],
  ECONNREFUSED: ['upstream_unreachable', 'connection_refused', 'connection_refused'],
  ENOTFOUND: ['upstream_unreachable', 'dns_error', 'dns'],
  EAI_AGAIN: ['upstream_unreachable', 'dns_error', 'dns'],
  EHOSTUNREACH: ['upstream_unreachable', 'destination_ip_unroutable', 'unroutable'],
  ENETUNREACH: ['upstream_unreachable', 'destination_ip_unroutable', 'unroutable'],
  ECONNRESET: ['upstream_unreachable', 'connection_terminated', 'connection_closed'],
  EPIPE: ['upstream_unreachable', 'connection_terminated', 'connection_closed'],
  UND_ERR_SOCKET: ['upstream_unreachable', 'connection_terminated', 'connection_closed'],
  UND_ERR_HEADERS_OVERFLOW: ['upstream_invalid', 'http_protocol_error', 'headers_too_large'],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: [
    'upstream_invalid',
    'http_protocol_error',
    'length_mismatch',
  ],
};

/** X.509 verification failures, as OpenSSL names them, and Node's own host check. */
const certificateCode =
  /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH)/;

/** Maps an error of undici to one for the caller, who does not see the cause. */
export function upstreamError(error: Error): ServiceError {
  if (error instanceof ServiceError) return error;
  const [first = error] = error instanceof AggregateError ? (error.errors as Error[]) : [];
  const [code, proxyError, reason] = meaningOf(first);
  return new ServiceError(code, {
    proxyError,
    reason,
    detail: details[code] ?? 'The call to the upstream failed.',
    cause: error,
  });
}

function meaningOf(error: Error & { code?: unknown }): Meaning {
  const code = typeof error.code === 'string' ? error.code : '';
  const known = meanings[code];
  if (known !== undefined) return known;
  if (code.startsWith('HPE_') || error.name === 'HTTPParserError')
    return ['upstream_invalid', 'http_protocol_error', 'not_http'];
  if (certificateCode.test(code))
    return ['upstream_unreachable', 'tls_certificate_error', 'tls_certificate'];
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO')
    return ['upstream_unreachable', 'tls_protocol_error', 'tls_protocol'];
  return ['internal', 'proxy_internal_error', 'unexpected'];
}

const details: Partial<Record<ErrorCode, string>> = {
  upstream_timeout: 'The upstream did not answer in time.',
  upstream_unreachable:
    'No usable connection to the upstream could be made, or it broke before the answer.',
  upstream_invalid: 'The upstream did not answer in HTTP/1.1.',
};

export function totalTimeout(): ServiceError {
  return new ServiceError('upstream_timeout', {
    reason: 'total_timeout',
    proxyError: 'http_response_timeout',
    detail: 'The call as a whole took longer than allowed.',
  });
}

/** For the log only: there is nobody left to answer. */
export function callerGone(): ServiceError {
  return new ServiceError('request_invalid', {
    reason: 'caller_gone',
    proxyError: 'connection_terminated',
  });
}
