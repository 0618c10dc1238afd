import type { RequestListener } from 'node:http';
import type { Service } from '../http/service-type.ts';
import { toMilliseconds } from '../log/request-log.ts';
import { CallQueue, type CallQueueOptions } from './call-queue.ts';
import { rejecter } from './rejecter.ts';

export interface CallLimitOptions extends Pick<CallQueueOptions, 'max' | 'queueTimeoutMs'> {
  /** For `Proxy-Status` on rejections; undefined: none. */
  readonly proxyName: string | undefined;
}

/**
 * Queues calls of a scope's routes before the framework sees them, so that waiting and rejected calls cost
 * little CPU. A call counts once its body was received: a slow sender takes no place.
 */
export function limitCalls(
  scope: Service,
  { max, queueTimeoutMs, proxyName }: CallLimitOptions,
): void {
  const { server, log } = scope;
  const paths = new Set<string>();
  scope.addHook('onRoute', ({ url }) => void paths.add(url));
  // Fastify has no hook before its own work.
  const [serve] = server.listeners('request') as [RequestListener];
  const reject = rejecter(log, Math.ceil(queueTimeoutMs / 1000), proxyName);
  const queue = new CallQueue({ max, queueTimeoutMs, begin: serve, reject });
  scope.addHook('preHandler', ({ raw, logFields }, reply, done) => {
    queue.enter(reply.raw);
    const waitedMs = queue.waitedMs(raw);
    if (waitedMs !== undefined) logFields['queue.duration_ms'] = toMilliseconds(waitedMs);
    done();
  });
  server.removeListener('request', serve);
  server.on('request', (request, response) => {
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (paths.has(path)) queue.take(request, response);
    else serve(request, response);
  });
  server.on('connection', () => queue.connectionTaken());
}
