import { problemResponse, problemResponses } from '../../shared/http/problem.ts';
import type { Service } from '../../shared/http/service-type.ts';
import { Type } from '../../shared/schema/type.ts';
import { type CallDependencies, makeCall } from '../call/make-call.ts';
import { dependencyStatus } from '../keyserver-client/errors.ts';
import { type AdmissionDependencies, admitCaller } from './admission.ts';
import { CallRequestSchema, callErrors, toCall } from './call-request.ts';

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
        response: {
          ...problemResponses(
            ...callErrors,
            'rate_limited',
            'integrity_failed',
            'upstream_invalid',
            'upstream_unreachable',
            'upstream_timeout',
          ),
          [dependencyStatus]: problemResponse(
            dependencyStatus,
            'token_not_found',
            'type_not_found',
            'token_expired',
          ),
          default: {
            description: "The marketplace's own answer, of any status and type",
            content: { '*/*': { schema: Type.Unknown() } },
          },
        },
      },
      onRequest: admitCaller(dependencies),
    },
    async (request, reply) =>
      makeCall(dependencies, toCall(request.appKey, request.body), request, reply),
  );
}
