import { prometheusContentType } from '@prometheus-io/client';
import { Type } from '../schema/type.ts';
import { schemaOfRead } from './problem.ts';
import type { Service } from './service-type.ts';

/** A scrape reads every gauge of every worker, so answers are kept for as long as nobody needs newer ones. */
const maxAgeMs = 1000;

/** `GET /metrics`, in Prometheus' text format (docs/metrics.md). */
export function metricsRoute(app: Service, write: () => Promise<string>): void {
  let written: Promise<string> | undefined;
  const text = () => {
    if (written === undefined) {
      written = write();
      const forget = () => {
        written = undefined;
      };
      written.then(() => setTimeout(forget, maxAgeMs).unref(), forget);
    }
    return written;
  };
  app.get(
    '/metrics',
    {
      config: { requestLine: 'none' },
      schema: schemaOfRead('getMetrics', "Metrics in Prometheus' text format", {
        200: {
          description: 'Metrics of all workers',
          content: { 'text/plain': { schema: Type.String() } },
        },
      }),
    },
    async (_request, reply) => reply.type(prometheusContentType).send(await text()),
  );
}
