import { errorCodes } from '../../shared/errors.ts';
import { problemResponse, problemResponses } from '../../shared/http/problem.ts';
import type { Service } from '../../shared/http/service-type.ts';
import { probeVerdicts } from '../../shared/policy/schema.ts';
import { type Static, Type } from '../../shared/schema/type.ts';
import type { CallDependencies } from '../call/make-call.ts';
import { dependencyStatus } from '../keyserver-client/errors.ts';
import { checkToken } from '../probe/check-token.ts';
import { verdictTexts } from '../probe/verdict.ts';
import { type AdmissionDependencies, admitCaller } from './admission.ts';
import { CallRequestSchema, callErrors, checkNames } from './call-request.ts';

const { ClientId, TokenType, TimeoutMs } = CallRequestSchema.properties;
const CheckRequestSchema = Type.Object(
  { ClientId, TokenType, TimeoutMs },
  { additionalProperties: false, examples: [{ ClientId: 'shop-1', TokenType: 'ozon-seller' }] },
);

/** A probe that takes longer says nothing. */
const defaultTimeoutMs = 15_000;

const CheckedSchema = Type.Object(
  {
    verdict: Type.Enum([...probeVerdicts]),
    detail: Type.String({ description: 'The verdict in words' }),
    status: Type.Optional(Type.Integer({ description: "The marketplace's status" })),
    code: Type.Optional(
      Type.Enum(errorCodes, { description: 'Why there is no answer of the marketplace' }),
    ),
    reason: Type.Optional(Type.String()),
  },
  { examples: [{ verdict: 'valid', detail: verdictTexts.valid, status: 200 }] },
);

/** `POST /check`: says whether a client's token works at the marketplace (README). */
export function checkRoute(
  app: Service,
  dependencies: CallDependencies & AdmissionDependencies,
): void {
  app.post(
    '/check',
    {
      schema: {
        operationId: 'checkToken',
        summary: "Say whether a client's token works",
        description:
          "Makes the probe of the token type, a call that changes nothing at the marketplace, and says what the answer means. The app's grants must allow the probe's method and path. The marketplace's own answer is passed on to nobody.",
        security: [{ appKey: [] }, {}],
        body: CheckRequestSchema,
        response: {
          200: CheckedSchema,
          ...problemResponses(
            ...callErrors,
            'rate_limited',
            'integrity_failed',
            'upstream_timeout',
          ),
          [dependencyStatus]: problemResponse(
            dependencyStatus,
            'token_not_found',
            'type_not_found',
          ),
        },
      },
      onRequest: admitCaller(dependencies),
    },
    async (request, reply) => {
      checkNames(request.body);
      const question = questionOf(request.appKey, request.body);
      const { verdict, status, error } = await checkToken(dependencies, question, request, reply);
      return {
        ...{ verdict, detail: verdictTexts[verdict] },
        ...(status !== undefined && { status }),
        ...(error && { code: error.code }),
        ...(error?.options.reason !== undefined && { reason: error.options.reason }),
      };
    },
  );
}

function questionOf(appKey: string | null, body: Static<typeof CheckRequestSchema>) {
  const {
    ClientId: clientId,
    TokenType: tokenType,
    TimeoutMs: timeoutMs = defaultTimeoutMs,
  } = body;
  return { appKey, clientId, tokenType, timeoutMs };
}
