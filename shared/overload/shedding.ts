import underPressure from '@fastify/under-pressure';
import { ServiceError } from '../errors.ts';
import type { Service } from '../http/service-type.ts';
import { limitCalls } from './call-limit.ts';
import type { CallQueueOptions, CallsInProgress } from './call-queue.ts';

/** Longer than a short burst needs, shorter than callers wait before they retry. */
const queueTimeoutMs = 1000;

/**
 * Adds routes whose calls are limited by the settings of `app.config`: more than `CALLS_MAX` at once wait in
 * a queue, and are rejected after a second there. While the event loop's delay is above `OVERLOAD_DELAY_MS` on
 * average over a second, every call is rejected (0: never).
 * @param more the callers, who wait before strangers, and the name for headers of rejections, if there are any
 */
export async function shedding(
  app: Service,
  routes: (scope: Service, calls: CallsInProgress) => void,
  more: Pick<CallQueueOptions, 'callerOf'> & { readonly proxyName?: string } = {},
): Promise<void> {
  const { CALLS_MAX: max, OVERLOAD_DELAY_MS: maxDelayMs } = app.config;
  await app.register(async (scope) => {
    const calls = limitCalls(scope as Service, { ...more, max, queueTimeoutMs });
    if (maxDelayMs > 0) {
      await scope.register(underPressure, {
        maxEventLoopDelay: maxDelayMs,
        pressureHandler: () => {
          throw overloaded();
        },
      });
    }
    routes(scope as Service, calls);
  });
}

function overloaded(): ServiceError {
  return new ServiceError('overloaded', {
    reason: 'event_loop',
    retryAfterSeconds: 1,
    detail: 'The service is overloaded; try again.',
  });
}
