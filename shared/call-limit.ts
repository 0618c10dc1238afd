import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ServiceError } from './errors.ts';
import { problemMediaType, toProblem } from './problem.ts';
import { problemHeaders } from './problem-replies.ts';
import { requestIdOf } from './request-id.ts';
import type { Service } from './service.ts';

export interface CallLimitOptions {
  /** Most calls under way at once. */
  readonly max: number;
  /** For `Proxy-Status` on refusals; undefined: none. */
  readonly proxyName: string | undefined;
}

const retryAfterSeconds = 1;
/** Most refusals that wait, by `max`: with fewer, callers that ask again at once cost more than those let in. */
const heldByMax = 4;
/** Refusals are told together, since a line each would be work on top of too much work. */
const tellMs = 1000;

const refusal = new ServiceError('overloaded', {
  reason: 'calls',
  retryAfterSeconds,
  detail: 'More calls at once than this service takes.',
});

/**
 * Refuses calls of a scope's routes beyond a number, ahead of the framework: whoever is past what can be done must not spend on
 * saying no what is needed for those that were let in. For the same reason refusals are late by what they ask
 * callers to wait: those that do not heed `Retry-After` would ask many times a second. A call is under way from when it was received whole, so that who is slow to send
 * keeps nobody out.
 */
export function limitCalls(scope: Service, { max, proxyName }: CallLimitOptions): void {
  const { server, log } = scope;
  const paths = new Set<string>();
  scope.addHook('onRoute', ({ url }) => void paths.add(url));
  const headers = Object.entries(problemHeaders(proxyName, refusal)).flat();
  let underWay = 0;
  let refused = 0;
  let held = 0;
  const leave = () => {
    underWay -= 1;
  };
  const tell = () => {
    const { code, options } = refusal;
    log.warn({ 'error.type': code, 'error.reason': options.reason, refused }, 'calls refused');
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
    const delayMs = held > heldByMax * max ? 0 : retryAfterSeconds * 1000;
    setTimeout(answer, delayMs, request, response);
  };
  scope.addHook('preHandler', (_request, reply, done) => {
    underWay += 1;
    reply.raw.once('close', leave);
    done();
  });
  // Fastify has no place ahead of its own work.
  const [serve] = server.listeners('request') as [RequestListener];
  server.removeListener('request', serve);
  server.on('request', (request, response) => {
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (underWay >= max && paths.has(path)) refuse(request, response);
    else serve(request, response);
  });
}
