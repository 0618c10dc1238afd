import { type ErrorCode, errorCodes, errorTable, ServiceError } from '../errors.ts';
import { type Static, Type } from '../schema/type.ts';

export const problemMediaType = 'application/problem+json';

/** RFC 9457 problem details, the form of every error answer of both services. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'Path, at this service, of the page that explains the code' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    code: Type.Enum(errorCodes, { description: 'Stable error code' }),
    reason: Type.Optional(Type.String({ description: 'Stable name of the check that failed' })),
    now: Type.Optional(
      Type.Integer({
        description: "With `request_stale`: KeyServer's clock, seconds since the Unix epoch",
      }),
    ),
    error: Type.Optional(
      Type.String({ description: 'Of a token endpoint: the code of OAuth (RFC 6749 §5.2)' }),
    ),
    error_description: Type.Optional(
      Type.String({ description: 'Of a token endpoint: the detail again, as OAuth calls it' }),
    ),
    requestId: Type.String(),
  },
  { $id: 'Problem' },
);
export type Problem = Static<typeof ProblemSchema>;

export function toProblem(error: ServiceError, requestId: string): Problem {
  const { detail, reason, now, oauthError } = error.options;
  return {
    type: `/errors/${error.code}`,
    title: errorTable[error.code].title,
    status: error.status,
    ...(detail === undefined ? {} : { detail }),
    code: error.code,
    ...(reason === undefined ? {} : { reason }),
    ...(now === undefined ? {} : { now }),
    ...(oauthError === undefined ? {} : { error: oauthError, error_description: error.message }),
    requestId,
  };
}

/** RFC 6749 §5.2 has errors of token endpoints as JSON, which SDKs look for. */
export function mediaTypeOf({ options: { oauthError } }: ServiceError): string {
  return oauthError === undefined ? problemMediaType : 'application/json';
}

/** Fastify's error codes that have an error of ours; its messages are never parsed. */
const fastifyErrors: Readonly<Record<string, () => ServiceError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => new ServiceError('body_too_large'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new ServiceError('media_type_unsupported', {
      detail: 'The body is not announced as JSON: send Content-Type: application/json.',
    }),
};

interface FastifyFault {
  readonly code?: string;
  readonly statusCode?: number;
  readonly validation?: readonly {
    instancePath: string;
    message?: string;
    params: Readonly<Record<string, unknown>>;
  }[];
  readonly validationContext?: string;
}

/** The only mapping from a thrown value to an error with a code; an unknown value becomes `internal`. */
export function toServiceError(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown;
  const {
    code = '',
    statusCode = 500,
    validation,
    validationContext,
  } = Object(thrown) as FastifyFault;
  if (validation !== undefined) {
    const [first] = validation;
    const extra = first?.params.additionalProperty;
    const where = `${validationContext ?? 'body'}${first?.instancePath ?? ''}`;
    const named = typeof extra === 'string' ? `: ${JSON.stringify(extra)}` : '';
    return new ServiceError('request_invalid', {
      reason: 'schema',
      detail: `${where} ${first?.message ?? 'is not valid'}${named}`,
    });
  }
  const known = fastifyErrors[code];
  if (known !== undefined) return known();
  if (code.startsWith('FST_ERR_') && statusCode >= 400 && statusCode < 500) {
    // The parser's message may quote the body.
    return new ServiceError('request_invalid', {
      reason: 'syntax',
      detail: 'The request cannot be parsed.',
    });
  }
  return new ServiceError('internal', { cause: thrown });
}

const exampleRequestId = '0b8f6f1e-6c1b-4c39-9f0e-0d6f5a3f7c11';

export function problemResponses(...codes: readonly ErrorCode[]) {
  const byStatus = Map.groupBy(codes, (code) => errorTable[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [status, problemResponse(status, ...group)]),
  );
}

/** The schema of a route that takes no body, and fails at most by its request. */
export function schemaOfRead<R extends object>(operationId: string, summary: string, response: R) {
  return {
    operationId,
    summary,
    response: { ...response, ...problemResponses('request_invalid') },
  };
}

export function problemResponse(status: number, ...codes: readonly ErrorCode[]) {
  const examples = codes.map((code) => {
    const value = toProblem(new ServiceError(code, { status }), exampleRequestId);
    return [code, { value }];
  });
  return {
    description: codes.map((code) => `\`${code}\`: ${errorTable[code].title}`).join('; '),
    content: {
      [problemMediaType]: {
        schema: Type.Ref('Problem'),
        examples: Object.fromEntries(examples),
      },
    },
  };
}
