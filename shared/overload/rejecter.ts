import type { RequestListener } from 'node:http';
import type { FastifyBaseLogger } from 'fastify';
import { ServiceError } from '../errors.ts';
import { closeAfterAnswer } from '../http/early-answer.ts';
import { problemMediaType, toProblem } from '../http/problem.ts';
import { problemHeaders } from '../http/problem-replies.ts';
import { requestIdOf } from '../http/request-id.ts';

/** Interval of log entries, each of which counts the rejections since the one before. */
const logIntervalMs = 1000;

/**
 * Rejects calls before the framework sees them: an overloaded process must not spend CPU on rejections.
 * @param proxyName as for {@link problemHeaders}
 */
export function rejecter(
  log: FastifyBaseLogger,
  retryAfterSeconds: number,
  proxyName: string | undefined,
): RequestListener {
  const rejection = new ServiceError('overloaded', {
    reason: 'calls',
    retryAfterSeconds,
    detail: 'Too many calls are in progress; try again.',
  });
  const headers = Object.entries(problemHeaders(proxyName, rejection)).flat();
  let refused = 0;
  const logRejections = () => {
    const { code, options } = rejection;
    log.warn({ 'error.type': code, 'error.reason': options.reason, refused }, 'calls refused');
    refused = 0;
  };
  return (request, response) => {
    if (refused === 0) setTimeout(logRejections, logIntervalMs);
    refused += 1;
    const requestId = requestIdOf(request);
    const body = JSON.stringify(toProblem(rejection, requestId));
    closeAfterAnswer(request, response, rejection.status);
    response.writeHead(rejection.status, [
      ...headers,
      ...['content-type', problemMediaType],
      ...['content-length', String(Buffer.byteLength(body))],
      ...['x-request-id', requestId],
    ]);
    response.end(body);
  };
}
