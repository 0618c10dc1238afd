import t from 'tap';
import { healthRoutes, type Readiness } from '../../../shared/http/health.ts';
import { version } from '../../../shared/settings/version.ts';
import { startApp } from '../app.ts';

t.test('alive is alive, ready is as it is told', async (t) => {
  const { app } = await startApp(t);
  let readiness: Readiness = { status: 'ready', checks: {} };
  healthRoutes(app, () => readiness);
  const status = async (url: string) => (await app.inject(url)).statusCode;
  for (const [current, expected] of [
    ['ready', 200],
    ['degraded', 200],
    ['unready', 503],
    ['ready', 200],
  ] as const) {
    readiness = { status: current, checks: { database: 'x' } };
    t.equal(await status('/readyz'), expected);
    t.same((await app.inject('/readyz')).json(), readiness);
    t.equal(await status('/healthz'), 200);
    t.same((await app.inject('/healthz')).json(), { status: 'ok', version });
  }
});
