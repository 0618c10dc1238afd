import underPressure from '@fastify/under-pressure';
import { ServiceError } from './errors.ts';
import type { Service } from './service.ts';

/**
 * Routes that do work, which is refused while there is too much of it: as long as turns of the event loop have
 * taken longer than `maxDelayMs` on average over the last second. 0 refuses nothing.
 */
export async function shedding(
  app: Service,
  maxDelayMs: number,
  routes: (scope: Service) => void,
): Promise<void> {
  await app.register(async (scope) => {
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
