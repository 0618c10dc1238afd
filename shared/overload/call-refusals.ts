import type { RequestListener } from 'node:http';
import type { FastifyBaseLogger } from 'fastify';
import { ServiceError } from '../errors.ts';
import { problemMediaType, toProblem } from '../http/problem.ts';
import { problemHeaders } from '../http/problem-replies.ts';
import { requestIdOf } from '../http/request-id.ts';

/** Refusals are told together, since a line each would be work on top of too much work. */
const tellMs = 1000;

export interface RejecterOptions {
  /** What callers are asked to wait. */
  readonly retryAfterSeconds: number;
  /** For `Proxy-Status`; undefined: none. */
  readonly proxyName: string | undefined;
}

/** Answers calls with a refusal, without the framework: who does too much must not spend more on saying no. */
export function rejecter(
  log: FastifyBaseLogger,
  { retryAfterSeconds, proxyName }: RejecterOptions,
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
