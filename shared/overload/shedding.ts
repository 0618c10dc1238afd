import underPressure from '@fastify/under-pressure';
import { ServiceError } from '../errors.ts';
import type { Service } from '../http/service-type.ts';
import type { ListenerConfig } from '../listen/listener-settings.ts';
import { limitCalls } from './call-limit.ts';

export interface SheddingOptions {
  readonly config: Pick<ListenerConfig, 'CALLS_MAX' | 'OVERLOAD_DELAY_MS'>;
  /** For `Proxy-Status` on refusals; undefined: none. */
  readonly proxyName?: string;
}

/** Longer than a short rush needs, and shorter than callers think an answer is lost. */
const queueTimeoutMs = 1000;

/**
 * Routes that do work, which waits its turn and is refused where there is too much of it: what has waited for
 * a second, and everything as long as turns of the event loop have taken longer than `OVERLOAD_DELAY_MS` on
 * average over the last second (0: however long).
 */
export async function shedding(
  app: Service,
  { config, proxyName }: SheddingOptions,
  routes: (scope: Service) => void,
): Promise<void> {
  const { CALLS_MAX: max, OVERLOAD_DELAY_MS: maxDelayMs } = config;
  await app.register(async (scope) => {
    limitCalls(scope as Service, { max, queueTimeoutMs, proxyName });
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
