import { type Static, Type } from '../schema/type.ts';
import { version } from '../settings/version.ts';
import { schemaOfRead } from './problem.ts';
import type { Service } from './service-type.ts';

/** `degraded` still serves calls; `unready` must not receive any. `checks` has one word per check, `detail` the reason. */
const ReadinessSchema = Type.Object(
  {
    status: Type.Enum(['ready', 'degraded', 'unready']),
    checks: Type.Record(Type.String(), Type.String()),
    detail: Type.Optional(Type.String({ description: 'Why it is not ready' })),
  },
  { examples: [{ status: 'unready', checks: { database: 'unreachable' } }] },
);
export type Readiness = Static<typeof ReadinessSchema>;

/** `/healthz`: the process is alive. `/readyz`: the service can do its work; 503 if it cannot. */
export function healthRoutes(app: Service, readiness: () => Readiness): void {
  const options = { config: { requestLine: 'none' } } as const;
  app.get(
    '/healthz',
    {
      ...options,
      schema: schemaOfRead('getHealth', 'The process is alive', {
        200: Type.Object(
          { status: Type.Literal('ok'), version: Type.String() },
          { examples: [{ status: 'ok', version: '0.1.0' }] },
        ),
      }),
    },
    async () => ({ status: 'ok' as const, version }),
  );
  app.get(
    '/readyz',
    {
      ...options,
      schema: schemaOfRead('getReadiness', 'The service can do its work', {
        200: ReadinessSchema,
        503: ReadinessSchema,
      }),
    },
    async (_request, reply) => {
      const current = readiness();
      return reply.code(current.status === 'unready' ? 503 : 200).send(current);
    },
  );
}
