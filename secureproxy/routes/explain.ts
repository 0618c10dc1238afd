import { problemResponses } from '../../shared/http/problem.ts';
import type { Service } from '../../shared/http/service-type.ts';
import { type ExplainDependencies, ExplainedSchema, explainCall } from '../call/explain-call.ts';
import { type AdmissionDependencies, admitCaller } from './admission.ts';
import { CallRequestSchema, callErrors, toCall } from './call-request.ts';

/** `POST /explain`: explains how `/request_api` would decide the same body, without a call (README). */
export function explainRoute(
  app: Service,
  dependencies: ExplainDependencies & AdmissionDependencies,
): void {
  app.post(
    '/explain',
    {
      schema: {
        operationId: 'explainCall',
        summary: 'Explain how a call would be decided, without making it',
        description:
          'Takes the body of `/request_api`. Answers 200 with the steps of the decision, even if the call would be rejected. Unknown callers, and apps without a grant for client and type, get the same error as from `/request_api`.',
        security: [{ appKey: [] }, {}],
        body: CallRequestSchema,
        response: {
          200: ExplainedSchema,
          ...problemResponses(...callErrors, 'upstream_timeout'),
        },
      },
      onRequest: admitCaller(dependencies),
    },
    (request, reply) =>
      explainCall(dependencies, toCall(request.appKey, request.body), request, reply),
  );
}
