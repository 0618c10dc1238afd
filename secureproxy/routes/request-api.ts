import type { Service } from '../../shared/http/service-type.ts';
import { type CallDependencies, makeCall } from '../call/make-call.ts';
import { type AdmissionDependencies, admitCaller } from './admission.ts';
import { CallRequestSchema, relayedAnswers, toCall } from './call-request.ts';

/** `POST /request_api`: one call to a marketplace with a client's token (README). */
export function requestApiRoute(
  app: Service,
  dependencies: CallDependencies & AdmissionDependencies,
): void {
  app.post(
    '/request_api',
    {
      schema: {
        operationId: 'requestApi',
        summary: "Call a marketplace with a client's token",
        description:
          "Returns the marketplace's own status, headers and body; its `X-Request-Id` becomes `X-Upstream-Request-Id`, and the `Location` of a 3xx `X-Upstream-Location`. Errors of the proxy are `application/problem+json` with `Proxy-Status: secureproxy; error=…`.",
        security: [{ appKey: [] }, {}],
        body: CallRequestSchema,
        response: relayedAnswers,
      },
      onRequest: admitCaller(dependencies),
    },
    (request, reply) =>
      makeCall(dependencies, toCall(request.appKey, request.body), request, reply),
  );
}
