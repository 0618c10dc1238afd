import { ServiceError } from '../../shared/errors.ts';
import { lookupTimedOut } from './shared-lookup.ts';

/** Error types of RFC 9209 §2.3 and reasons, by the step that failed: in each of them nothing was sent yet. */
const unreachable = (proxyError: string, reason: string) => (cause: unknown) =>
  new ServiceError('upstream_unreachable', {
    reason,
    proxyError,
    detail: 'No usable connection to the upstream could be made; nothing was sent.',
    cause,
  });

const timeout = (proxyError: string, reason: string) => (cause?: unknown) =>
  new ServiceError('upstream_timeout', {
    reason,
    proxyError,
    detail: 'Connecting to the upstream timed out; nothing was sent.',
    cause,
  });

export const lookupTimeout = timeout('dns_timeout', 'dns_timeout');
export const connectTimeout = timeout('connection_timeout', 'connect_timeout');

const nameUnknown = unreachable('dns_error', 'dns');

export function lookupError(cause: unknown): ServiceError {
  return codeOf(cause) === lookupTimedOut ? lookupTimeout(cause) : nameUnknown(cause);
}

const unroutable = unreachable('destination_ip_unroutable', 'unroutable');
const connectErrors: Readonly<Record<string, (cause: unknown) => ServiceError>> = {
  ECONNREFUSED: unreachable('connection_refused', 'connection_refused'),
  EHOSTUNREACH: unroutable,
  ENETUNREACH: unroutable,
  ETIMEDOUT: connectTimeout,
};
/** Any other error of the system, such as EACCES of a firewall or EMFILE. */
const connectFailed = unreachable('proxy_internal_error', 'connect_failed');

/** Tells why no address could be connected to, by the errors of all; a missing route of one family is the last to tell. */
export function connectError(causes: readonly Error[]): ServiceError {
  const errors = causes.map((cause) => (connectErrors[codeOf(cause)] ?? connectFailed)(cause));
  const [first = connectFailed(undefined)] = errors;
  return errors.find(({ options }) => options.reason !== 'unroutable') ?? first;
}

const certificateRejected = unreachable('tls_certificate_error', 'tls_certificate');
const handshakeFailed = unreachable('tls_protocol_error', 'tls_protocol');

export function handshakeError(isCertificateRejected: boolean, cause: Error): ServiceError {
  return isCertificateRejected ? certificateRejected(cause) : handshakeFailed(cause);
}

function codeOf(cause: unknown): string {
  return String(Object(cause).code);
}
