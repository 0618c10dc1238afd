import type { IncomingMessage, RequestListener } from 'node:http';
import type { Service } from '../http/service-type.ts';
import { toMilliseconds } from '../log/request-log.ts';
import { CallQueue, type CallQueueOptions } from './call-queue.ts';
import { rejecter } from './rejecter.ts';

export interface CallLimitOptions extends Omit<CallQueueOptions, 'reject'> {
  /** For headers of rejections, as for `problemHeaders`. */
  readonly proxyName?: string;
}

/**
 * Queues calls of a scope's routes, so that waiting and rejected calls cost little CPU: before the framework sees
 * them if the path is a route's own text, else as soon as the router has found the route, since only the router
 * knows every spelling. A call counts once its body was received: a slow sender takes no place.
 */
export function limitCalls(scope: Service, { proxyName, ...options }: CallLimitOptions): CallQueue {
  const { server, log } = scope;
  const paths = new Set<string>();
  let longest = 0;
  scope.addHook('onRoute', ({ url }) => {
    // The router alone knows which paths a pattern matches.
    if (url.includes(':')) return;
    paths.add(url);
    longest = Math.max(longest, url.length);
  });
  const isRouteText = ({ url = '' }: IncomingMessage) => {
    const end = url.indexOf('?');
    const length = end < 0 ? url.length : end;
    // Most paths are longer, and hashing them costs more.
    return length <= longest && paths.has(url.slice(0, length));
  };
  // Fastify has no hook before its own work.
  const [serve] = server.listeners('request') as [RequestListener];
  const reject = rejecter(log, Math.ceil(options.queueTimeoutMs / 1000), proxyName);
  const queue = new CallQueue({ ...options, reject });
  scope.addHook('onRequest', ({ raw }, reply, done) => {
    if (isRouteText(raw)) done();
    else queue.take(raw, reply.raw, () => done());
  });
  scope.addHook('preHandler', ({ raw, logFields }, reply, done) => {
    queue.enter(reply.raw);
    const waitedMs = queue.waitedMs(raw);
    if (waitedMs !== undefined) logFields['queue.duration_ms'] = toMilliseconds(waitedMs);
    done();
  });
  server.removeListener('request', serve);
  server.on('request', (request, response) => {
    if (isRouteText(request)) queue.take(request, response, serve);
    else serve(request, response);
  });
  server.on('connection', () => queue.connectionTaken());
  return queue;
}
