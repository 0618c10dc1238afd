import t from 'tap';
import type { Readiness } from '../../../shared/http/health.ts';
import { Drain, shutdownLimitMs } from '../../../shared/process/shutdown.ts';

t.test('readiness is lost for good once the drain begins, whatever it would be', async (t) => {
  const drain = new Drain();
  const readinesses: Readiness[] = [
    { status: 'ready', checks: { database: 'reachable' } },
    { status: 'degraded', checks: { keyserver: 'unreachable' } },
    { status: 'unready', checks: {} },
  ];
  for (const readiness of readinesses) t.same(drain.over(readiness), readiness);
  drain.begin();
  for (const { status, checks } of readinesses) {
    t.same(
      drain.over({ status, checks }),
      { status: 'unready', checks: { ...checks, shutdown: 'draining' } },
      status,
    );
  }
});

t.test('a supervisor waits for both settings and four seconds', async (t) => {
  t.equal(shutdownLimitMs({ DRAIN_DELAY_MS: 15_000, SHUTDOWN_TIMEOUT_MS: 25_000 }), 44_000);
});
