import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { ServiceError } from '../../shared/errors.ts';

/** Checks an answer's status, interim ones included. @throws ServiceError upstream_invalid */
export function checkStatus(status: number): void {
  if (status >= 100) return;
  throw new ServiceError('upstream_invalid', {
    reason: 'not_http',
    detail: 'The upstream answered with a status below 100.',
  });
}

export function tooManyInterim(): ServiceError {
  return new ServiceError('upstream_invalid', {
    reason: 'headers_too_large',
    detail: 'The upstream sent interim answers (1xx) without an end.',
  });
}

/**
 * Rejects transfer codings other than chunked, which the proxy does not ask for (RFC 9112 §7.4): the
 * coded bytes would pass for the content.
 * @throws ServiceError upstream_invalid
 */
export function checkTransferCoding({ 'transfer-encoding': coding }: IncomingHttpHeaders): void {
  if (coding === undefined || String(coding).toLowerCase() === 'chunked') return;
  throw new ServiceError('upstream_invalid', {
    reason: 'transfer_coding',
    detail: 'The upstream answered with a transfer coding other than chunked.',
  });
}

/** Sets the `Content-Length` that a caller needs with an answer without a body. */
export function correctLength(answer: OutgoingHttpHeaders, status: number, isHead: boolean): void {
  // An answer to HEAD announces an omitted body, which the caller, whose method is another, would await.
  if (isHead) answer['content-length'] = '0';
  // RFC 9110 §8.6: a length here could make the caller wait for a body that never comes.
  if (status === 204) delete answer['content-length'];
}
