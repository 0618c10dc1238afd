import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ServiceError } from './errors.ts';
import { problemMediaType, toProblem } from './problem.ts';
import { problemHeaders } from './problem-replies.ts';
import { requestIdOf } from './request-id.ts';
import type { Service } from './service.ts';

export interface CallLimitOptions {
  /** Most calls under way at once. */
  readonly max: number;
  /** Whether a path, without its query, is one of a call; all else is let through. */
  readonly isCall: (path: string) => boolean;
  /** For `Proxy-Status` on refusals; undefined: none. */
  readonly proxyName: string | undefined;
}

const retryAfterSeconds = 1;
/** Refusals are told together, since a line each would be work on top of too much work. */
const tellMs = 1000;

const refusal = new ServiceError('overloaded', {
  reason: 'calls',
  retryAfterSeconds,
  detail: 'More calls at once than this service takes.',
});

/**
 * Refuses calls beyond a number, ahead of the framework: whoever is past what can be done must not spend on
 * saying no what is needed for those that were let in. For the same reason refusals are late by what they ask
 * callers to wait: those that do not heed `Retry-After` would ask many times a second.
 */
export function limitCalls(app: Service, options: CallLimitOptions): void {
  const { max, isCall, proxyName } = options;
  const headers = Object.entries(problemHeaders(proxyName, refusal)).flat();
  let underWay = 0;
  let refused = 0;
  let held = 0;
  const leave = () => {
    underWay -= 1;
  };
  const tell = () => {
    const { code, options } = refusal;
    app.log.warn({ 'error.type': code, 'error.reason': options.reason, refused }, 'calls refused');
    refused = 0;
  };
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    held -= 1;
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
  const refuse = (request: IncomingMessage, response: ServerResponse) => {
    if (refused === 0) setTimeout(tell, tellMs);
    refused += 1;
    held += 1;
    // Bounded, as they are in memory until then.
    const delayMs = held > max ? 0 : retryAfterSeconds * 1000;
    setTimeout(answer, delayMs, request, response);
  };
  // Fastify has no place ahead of its own work.
  const [serve] = app.server.listeners('request') as [RequestListener];
  app.server.removeListener('request', serve);
  app.server.on('request', (request, response) => {
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (isCall(path)) {
      if (underWay >= max) return refuse(request, response);
      underWay += 1;
      response.once('close', leave);
    }
    return serve(request, response);
  });
}
