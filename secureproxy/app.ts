import type { ServerOptions } from 'node:https';
import type { Logger } from 'pino';
import { errorPageRoutes } from '../shared/http/error-pages.ts';
import { healthRoutes, type Readiness } from '../shared/http/health.ts';
import { metricsRoute } from '../shared/http/metrics-route.ts';
import { createService } from '../shared/http/service.ts';
import type { Service } from '../shared/http/service-type.ts';
import { decorateConfig } from '../shared/listen/app-config.ts';
import { trustedProxies } from '../shared/listen/listener-settings.ts';
import type { Metrics } from '../shared/metrics/metrics.ts';
import type { CallsInProgress } from '../shared/overload/call-queue.ts';
import { shedding } from '../shared/overload/shedding.ts';
import { callGauges } from './bulkheads/gauges.ts';
import { Places } from './bulkheads/places.ts';
import type { ExplainDependencies } from './call/explain-call.ts';
import type { CallDependencies } from './call/make-call.ts';
import { type SecureproxyConfig, secureproxySettings, trustedHosts } from './config.ts';
import { BodyBudget, bodyBudgetOptions } from './receipt/body-budget.ts';
import { type AdmissionDependencies, acceptCalls, knownApp } from './routes/admission.ts';
import { checkRoute } from './routes/check.ts';
import { docsPage } from './routes/docs-page.ts';
import { explainRoute } from './routes/explain.ts';
import { forwardRoutes, routedUrl } from './routes/forward.ts';
import { requestApiRoute } from './routes/request-api.ts';
import type { UpstreamPools } from './upstream/pools.ts';

interface SecureproxyDependencies
  extends Omit<CallDependencies, 'places'>,
    Omit<ExplainDependencies, 'places'>,
    AdmissionDependencies {
  readonly pools: UpstreamPools;
  readonly logger: Logger;
  readonly readiness: () => Readiness;
  readonly metrics: Metrics;
  /** TLS options of the listener; undefined: plain HTTP. */
  readonly https?: ServerOptions | undefined;
}

export async function buildSecureproxy(
  config: SecureproxyConfig,
  dependencies: SecureproxyDependencies,
): Promise<Service> {
  const app = await createService({
    name: 'secureproxy',
    title: 'SecureProxy',
    description:
      'Calls marketplace APIs with tokens that the caller never holds. Code and reason of an error are in the headers `X-SecureProxy-Error` and `X-SecureProxy-Reason`, too.',
    logger: dependencies.logger,
    https: dependencies.https,
    countRequest: dependencies.metrics.countRequest,
    trustedProxies: trustedProxies(config),
    bodyLimitBytes: config.BODY_LIMIT_BYTES,
    proxyStatus: true,
    endsEmptyRequests: true,
    routesDetail:
      "An SDK's base URL is …/forward/{ClientId}/{TokenType}; any other needs the key of a bound app, in a header or the query.",
    routedUrl,
    securitySchemes: {
      appKey: {
        type: 'http',
        scheme: 'bearer',
        description:
          'The app key (`spk_…`). Any other header or query parameter may carry it instead, so that an SDK can send the app key in place of a token, and under `/forward` a member of a JSON or form body. A call without a key belongs to the app `anonymous`, if it exists.',
      },
    },
  });
  await decorateConfig(app, secureproxySettings, config);
  const budget = new BodyBudget(bodyBudgetOptions(config.BODY_LIMIT_BYTES, config.WORKERS));
  dependencies.metrics.gauge({
    name: 'body_bytes',
    help: 'Bytes of bodies in memory, from their receipt to the end of their calls',
    read: () => budget.held,
  });
  acceptCalls(app, { budget, limitBytes: config.BODY_LIMIT_BYTES }, trustedHosts(config));
  const callRoutes = (scope: Service, calls: CallsInProgress) => {
    const { CALLS_MAX: max, UPSTREAM_CONNECTIONS: connections } = config;
    const places = new Places({ max, connections, calls });
    for (const gauge of callGauges(places.shares)) dependencies.metrics.gauge(gauge);
    for (const addRoutes of [forwardRoutes, requestApiRoute, explainRoute, checkRoute])
      addRoutes(scope, { ...dependencies, places });
  };
  await shedding(app, callRoutes, {
    proxyName: 'secureproxy',
    callerOf: (request) => knownApp(dependencies, request),
  });
  if (config.OPS_PORT === undefined) {
    healthRoutes(app, dependencies.readiness);
    metricsRoute(app, dependencies.metrics.text);
  }
  errorPageRoutes(app);
  if (config.DOCS === 'on') await docsPage(app);
  return app;
}
