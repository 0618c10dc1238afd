import underPressure from '@fastify/under-pressure';
import { limitCalls } from './call-limit.ts';
import { ServiceError } from './errors.ts';
import type { ListenerConfig } from './http-settings.ts';
import type { Service } from './service.ts';

export interface SheddingOptions {
  readonly config: Pick<ListenerConfig, 'CALLS_MAX' | 'OVERLOAD_DELAY_MS'>;
  /** For `Proxy-Status` on refusals; undefined: none. */
  readonly proxyName?: string;
}

/**
 * Routes that do work, which is refused while there is too much of it: while `CALLS_MAX` of their calls are
 * under way, or as long as turns of the event loop have taken longer than `OVERLOAD_DELAY_MS` on average over
 * the last second (0: however long).
 */
export async function shedding(
  app: Service,
  { config, proxyName }: SheddingOptions,
  routes: (scope: Service) => void,
): Promise<void> {
  const { CALLS_MAX: max, OVERLOAD_DELAY_MS: maxDelayMs } = config;
  await app.register(async (scope) => {
    limitCalls(scope as Service, { max, proxyName });
    if (maxDelayMs > 0) {
      await scope.register(underPressure, {
        maxEventLoopDelay: maxDelayMs,
        pressureHandler: () => {
          throw overloaded();
        },
      });
    }
    routes(scope as Service);
  });
}

function overloaded(): ServiceError {
  return new ServiceError('overloaded', {
    reason: 'event_loop',
    retryAfterSeconds: 1,
    detail: 'More work than this service can do.',
  });
}
