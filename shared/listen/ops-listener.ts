import type { Logger } from 'pino';
import { healthRoutes, type Readiness } from '../http/health.ts';
import { createService, type ServiceOptions } from '../http/service.ts';
import type { Service } from '../http/service-type.ts';

const bodyLimitBytes = 1024;

/** Builds the app of `OPS_PORT`: `/healthz` and `/readyz` over plain http, for probes alone. */
export async function buildOpsApp(
  name: ServiceOptions['name'],
  logger: Logger,
  readiness: () => Readiness,
): Promise<Service> {
  const app = await createService({
    name,
    title: 'Probes',
    description: 'Whether the service is alive, and whether it can do its work.',
    logger,
    bodyLimitBytes,
    proxyStatus: false,
  });
  healthRoutes(app, readiness);
  return app;
}
