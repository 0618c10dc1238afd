import { Type } from 'typebox';
import type { Service } from './service-type.ts';

/** `degraded` still takes calls; `unready` asks to get none. */
export interface Readiness {
  readonly status: 'ready' | 'degraded' | 'unready';
  /** One word a check, such as `{"database": "unreachable"}`. */
  readonly checks: Readonly<Record<string, string>>;
}

/** `/healthz`: the process answers. `/readyz`: it can do its work; 503 where it cannot. */
export function healthRoutes(app: Service, readiness: () => Readiness): void {
  const options = { config: { requestLine: 'none' } } as const;
  app.get(
    '/healthz',
    {
      ...options,
      schema: {
        operationId: 'getHealth',
        summary: 'The process is alive',
        response: {
          200: Type.Object({ status: Type.Literal('ok') }, { examples: [{ status: 'ok' }] }),
        },
      },
    },
    async () => ({ status: 'ok' as const }),
  );
  const ReadinessSchema = Type.Object(
    {
      status: Type.Enum(['ready', 'degraded', 'unready']),
      checks: Type.Record(Type.String(), Type.String()),
    },
    { examples: [{ status: 'unready', checks: { database: 'unreachable' } }] },
  );
  app.get(
    '/readyz',
    {
      ...options,
      schema: {
        operationId: 'getReadiness',
        summary: 'The service can do its work',
        response: { 200: ReadinessSchema, 503: ReadinessSchema },
      },
    },
    async (_request, reply) => {
      const current = readiness();
      return reply.code(current.status === 'unready' ? 503 : 200).send(current);
    },
  );
}
