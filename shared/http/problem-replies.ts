import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorTable, ServiceError } from '../errors.ts';
import { closeAfterAnswer } from './early-answer.ts';
import { mediaTypeOf, type Problem, toProblem, toServiceError } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Makes what an error is answered with of its problem and seconds, if the caller expects another form. */
    problemBody: ((problem: Problem, retryAfterSeconds: number | undefined) => unknown) | null;
  }
}

/**
 * Answers a thrown error as problem+json. An error without a code of the table becomes `internal`, and the
 * log has its cause.
 * @param proxyName as for {@link problemHeaders}
 */
export function sendProblem(
  proxyName: string | undefined,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const error = disconnection(request, thrown) ?? toServiceError(thrown);
  const { reason, cause, retryAfterSeconds } = error.options;
  request.logFields['error.type'] = error.code;
  request.logFields['error.reason'] = reason;
  if (error.code === 'internal' || cause !== undefined) {
    request.log.error({ err: cause ?? error, 'error.type': error.code }, 'request failed');
  }
  closeAfterAnswer(request.raw, reply.raw, error.status);
  reply.headers(problemHeaders(proxyName, error));
  const problem = toProblem(error, request.id);
  const { problemBody } = request;
  // Bypasses the route's response schema, which might not have this status.
  reply
    .code(error.status)
    .type(problemBody ? 'application/json' : mediaTypeOf(error))
    .serializer(JSON.stringify)
    .send(problemBody ? problemBody(problem, retryAfterSeconds) : problem);
}

/**
 * Headers of an error's answer other than content type and length; names in lower case.
 * @param proxyName adds `Proxy-Status` (RFC 9209), and code and reason for SDKs that drop the body
 */
export function problemHeaders(
  proxyName: string | undefined,
  { status, code, options }: ServiceError,
): Record<string, string> {
  const { reason, retryAfterSeconds, headers, proxyError = errorTable[code].proxyError } = options;
  return {
    // A cache in front may keep a 404 by itself, and would answer callers with it whose key leads elsewhere.
    'cache-control': 'no-store',
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...headers,
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...(proxyName !== undefined && {
      'proxy-status': `${proxyName}; error=${proxyError}`,
      [`x-${proxyName}-error`]: code,
      ...(reason !== undefined && { [`x-${proxyName}-reason`]: reason }),
    }),
  };
}

/** Returns an error for the log if the caller disconnected while sending its body, which is not `internal`. */
function disconnection(request: FastifyRequest, thrown: unknown): ServiceError | undefined {
  const { complete, destroyed } = request.raw;
  const isReset = thrown instanceof Error && 'code' in thrown && thrown.code === 'ECONNRESET';
  return isReset && destroyed && !complete
    ? new ServiceError('request_invalid', {
        // Set if the request was answered already because its bytes were not HTTP.
        reason: request.logFields['error.reason'] ?? 'caller_gone',
      })
    : undefined;
}
