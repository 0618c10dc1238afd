import type { RequestListener } from 'node:http';
import type { Service } from '../http/service-type.ts';
import { toMilliseconds } from '../log/request-log.ts';
import { CallQueue } from './call-queue.ts';
import { rejecter } from './call-refusals.ts';

export interface CallLimitOptions {
  /** Most calls under way at once. */
  readonly max: number;
  /** How long a call waits for its turn before it is refused, and what its caller is asked to wait then. */
  readonly queueTimeoutMs: number;
  /** For `Proxy-Status` on refusals; undefined: none. */
  readonly proxyName: string | undefined;
}

/**
 * Has calls of a scope's routes wait their turn, ahead of the framework: whoever is past what can be done must not
 * spend on those that wait, or on saying no, what is needed for those that were let in. A call is under way from
 * when it was received whole, so that who is slow to send keeps nobody out.
 */
export function limitCalls(
  scope: Service,
  { max, queueTimeoutMs, proxyName }: CallLimitOptions,
): void {
  const { server, log } = scope;
  const paths = new Set<string>();
  scope.addHook('onRoute', ({ url }) => void paths.add(url));
  // Fastify has no place ahead of its own work.
  const [serve] = server.listeners('request') as [RequestListener];
  const refuse = rejecter(log, { retryAfterSeconds: Math.ceil(queueTimeoutMs / 1000), proxyName });
  const queue = new CallQueue({ max, queueTimeoutMs, begin: serve, refuse });
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
