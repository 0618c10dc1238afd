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
import { shedding } from '../shared/overload/shedding.ts';
import { changesQuestion } from './changes/announce.ts';
import { type KeyserverConfig, keyserverSettings } from './config.ts';
import type { RsaKeys } from './keys/rsa-keys.ts';
import type { ReleaseDependencies } from './release/release.ts';
import { whoamiQuestion } from './release/whoami.ts';
import { refusePages } from './routes/cross-site.ts';
import { publicKeyRoutes } from './routes/public-key.ts';
import { questionRoute } from './routes/question-route.ts';
import { releaseRoute } from './routes/release.ts';

/** Enough for the largest credential, which contains the target's URL. */
const bodyLimitBytes = 128 * 1024;

interface KeyserverDependencies extends ReleaseDependencies {
  readonly logger: Logger;
  readonly rsaKeys: RsaKeys;
  readonly readiness: () => Readiness;
  /** @throws ServiceError while proxies' questions are another KeyServer's to answer */
  readonly assertServing: () => void;
  readonly metrics: Metrics;
  readonly https?: ServerOptions | undefined;
}

/** Builds KeyServer's app; the caller listens and closes. */
export async function buildKeyserver(
  config: KeyserverConfig,
  dependencies: KeyserverDependencies,
): Promise<Service> {
  const app = await createService({
    name: 'keyserver',
    title: 'KeyServer',
    description:
      'Stores marketplace tokens and releases them sealed for one session; docs/protocol.md specifies the bytes.',
    logger: dependencies.logger,
    https: dependencies.https,
    countRequest: dependencies.metrics.countRequest,
    trustedProxies: trustedProxies(config),
    bodyLimitBytes,
    proxyStatus: false,
  });
  await decorateConfig(app, keyserverSettings, config);
  app.addHook('onRequest', refusePages);
  app.addHook('onRequest', async ({ method }) => {
    // All questions need the keys of rows and documents; the rest must be told in any case.
    if (method === 'POST') dependencies.assertServing();
  });
  await shedding(app, (scope) => {
    releaseRoute(scope, dependencies);
    questionRoute(scope, dependencies, whoamiQuestion);
  });
  // Served under any load: proxies must learn of revocations, and both routes are cheap.
  publicKeyRoutes(app, dependencies.rsaKeys);
  questionRoute(app, dependencies, changesQuestion);
  if (config.OPS_PORT === undefined) {
    healthRoutes(app, dependencies.readiness);
    metricsRoute(app, dependencies.metrics.text);
  }
  errorPageRoutes(app);
  return app;
}
