import { type Static, Type } from 'typebox';
import { type ErrorCode, errorTable, ServiceError } from '../errors.ts';

export const problemMediaType = 'application/problem+json';

/** RFC 9457 problem details, as both services answer errors. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'Page that says what to do, relative to the service' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    code: Type.Enum(Object.keys(errorTable) as ErrorCode[], { description: 'Stable error code' }),
    reason: Type.Optional(Type.String({ description: 'Stable name of the check that refused' })),
    requestId: Type.String(),
  },
  {
    $id: 'Problem',
  },
);
export type Problem = Static<typeof ProblemSchema>;

/** Where the page of a code is served. */
export function errorPagePath(code: ErrorCode): string {
  return `/errors/${code}`;
}

export function toProblem(error: ServiceError, requestId: string): Problem {
  const { detail, reason } = error.options;
  return {
    type: errorPagePath(error.code),
    title: errorTable[error.code].title,
    status: error.status,
    ...(detail === undefined ? {} : { detail }),
    code: error.code,
    ...(reason === undefined ? {} : { reason }),
    requestId,
  };
}

/** What Fastify's own errors are called here; by its codes, never by their texts. */
const fastifyCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media_type_unsupported',
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

/** The one mapping from whatever was thrown to an error with a code; what is not known is `internal`. */
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
  const known = fastifyCodes[code];
  if (known !== undefined) return new ServiceError(known);
  if (code.startsWith('FST_ERR_') && statusCode >= 400 && statusCode < 500) {
    // The parser's message may quote the body, so it is not passed on.
    return new ServiceError('request_invalid', {
      reason: 'syntax',
      detail: 'The request does not parse.',
    });
  }
  return new ServiceError('internal', { cause: thrown });
}

const exampleRequestId = '0b8f6f1e-6c1b-4c39-9f0e-0d6f5a3f7c11';

/** The answers of a route that can end with these codes, by status, for its schema. */
export function problemResponses(...codes: readonly ErrorCode[]) {
  const byStatus = Map.groupBy(codes, (code) => errorTable[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [status, problemResponse(status, ...group)]),
  );
}

/** One answer of a route that stands for these codes, for its schema. */
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
