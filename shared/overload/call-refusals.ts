import type { RequestListener } from 'node:http';
import type { FastifyBaseLogger } from 'fastify';
import { ServiceError } from '../errors.ts';
import { problemMediaType, toProblem } from '../http/problem.ts';
import { problemHeaders } from '../http/problem-replies.ts';
import { requestIdOf } from '../http/request-id.ts';

/** Interval of log entries, each of which counts the rejections since the one before. */
const tellMs = 1000;

/**
 * Rejects calls before the framework sees them: an overloaded process must not spend CPU on rejections.
 * @param proxyName for `Proxy-Status`; undefined: none
 */
export function rejecter(
  log: FastifyBaseLogger,
  retryAfterSeconds: number,
  proxyName: string | undefined,
): RequestListener {
  const refusal = new ServiceError('overloaded', {
    reason: 'calls',
    retryAfterSeconds,
    detail: 'More calls at once than this service takes.',
  });
  const headers = Object.entries(problemHeaders(proxyName, refusal)).flat();
  let refused = 0;
  const tell = () => {
    const { code, options } = refusal;
    log.warn({ 'error.type': code, 'error.reason': options.reason, refused }, 'calls refused');
    refused = 0;
  };
  return (request, response) => {
    if (refused === 0) setTimeout(tell, tellMs);
    refused += 1;
    const requestId = requestIdOf(request);
    const body = JSON.stringify(toProblem(refusal, requestId));
    response.writeHead(refusal.status, [
      ...headers,
      ...['content-type', problemMediaType],
      ...['content-length', String(Buffer.byteLength(body))],
      ...['x-request-id', requestId],
    ]);
    response.end(body);
  };
}
