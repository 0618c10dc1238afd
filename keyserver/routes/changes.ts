import { problemResponses } from '../../shared/http/problem.ts';
import type { Service } from '../../shared/http/service-type.ts';
import { QuestionRequestSchema, ReleaseAnswerSchema } from '../../shared/protocol/messages.ts';
import { peerNames } from '../../shared/tls/client-names.ts';
import { announceChanges, type ChangesDependencies } from '../changes/announce.ts';

/** `POST /changes`, which each proxy polls every second (docs/protocol.md §5). */
export function changesRoute(app: Service, dependencies: ChangesDependencies): void {
  app.post(
    '/changes',
    {
      config: { requestLine: 'debug' },
      schema: {
        operationId: 'announceChanges',
        summary: 'List changes for a proxy, sealed with the session key',
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
        token: await announceChanges(
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
