import type { Test } from 'tap';
import { createService, type ServiceOptions } from '../../shared/http/service.ts';
import { capturedLog } from '../support/log.ts';

/** A bare service to which a test adds its routes; closed after the test. */
export async function startApp(test: Test, options: Partial<ServiceOptions> = {}) {
  const log = capturedLog('test');
  const app = await createService({
    name: 'keyserver',
    title: 'Test',
    description: 'A service for tests',
    logger: log.logger,
    bodyLimitBytes: 1000,
    proxyStatus: false,
    ...options,
  });
  test.teardown(() => app.close());
  return { app, log };
}
