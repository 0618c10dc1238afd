import { problemResponses } from '../../shared/http/problem.ts';
import type { Service } from '../../shared/http/service-type.ts';
import { type ExplainDependencies, ExplainedSchema, explainCall } from '../call/explain-call.ts';
import { admitCaller } from './admission.ts';
import { CallRequestSchema, toCall } from './call-request.ts';

/** `POST /explain`: what `/request_api` would do with the same body, and none of it done (README). */
export function explainRoute(app: Service, dependencies: ExplainDependencies): void {
  app.post(
    '/explain',
    {
      schema: {
        operationId: 'explainCall',
        summary: 'Say what a call would come to, and make none',
        description:
          'Takes the body of `/request_api`. Answers 200 with the steps of the decision, also where the call would be refused. Callers that are not known, and apps without a grant for client and type, get the same error as from `/request_api`.',
        security: [{ appKey: [] }, {}],
        body: CallRequestSchema,
        response: {
          200: ExplainedSchema,
          ...problemResponses(
            'request_invalid',
            'caller_unauthenticated',
            'grant_denied',
            'destination_denied',
            'body_too_large',
            'media_type_unsupported',
            'internal',
            'keyserver_unavailable',
            'overloaded',
          ),
        },
      },
      onRequest: admitCaller,
    },
    async (request, reply) => {
      const call = toCall(request.appKey, request.body);
      const explained = await explainCall(dependencies, call, request, reply);
      reply.header('cache-control', 'no-store');
      return explained;
    },
  );
}
