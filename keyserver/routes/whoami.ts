import { problemResponses } from '../../shared/http/problem.ts';
import type { Service } from '../../shared/http/service-type.ts';
import { QuestionRequestSchema, ReleaseAnswerSchema } from '../../shared/protocol/messages.ts';
import { peerNames } from '../../shared/tls/client-names.ts';
import { type WhoamiDependencies, whoami } from '../release/whoami.ts';

/** `POST /whoami`: the app of a key, asked before a proxy reads a call's body (docs/protocol.md §5). */
export function whoamiRoute(app: Service, dependencies: WhoamiDependencies): void {
  app.post(
    '/whoami',
    {
      config: { requestLine: 'debug' },
      schema: {
        operationId: 'whoami',
        summary: 'Tell a proxy which app a key belongs to, sealed with the session key',
        body: QuestionRequestSchema,
        response: {
          200: ReleaseAnswerSchema,
          ...problemResponses(
            'request_invalid',
            'request_stale',
            'session_invalid',
            'caller_unauthenticated',
            'body_too_large',
            'media_type_unsupported',
            'internal',
            'keyserver_unavailable',
            'overloaded',
          ),
        },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return {
        token: await whoami(
          dependencies,
          request.body,
          request.logFields,
          request.ip,
          peerNames(request.socket),
        ),
      };
    },
  );
}
