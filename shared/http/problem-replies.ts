import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorTable, ServiceError } from '../errors.ts';
import { problemMediaType, toProblem, toServiceError } from './problem.ts';

/**
 * Answers with what was thrown, as problem+json; `proxyName` is set where `Proxy-Status` (RFC 9209) goes
 * with it. What has no code of ours is `internal`, and the log has its cause.
 */
export function sendProblem(
  proxyName: string | undefined,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const error = hungUp(request, thrown) ?? toServiceError(thrown);
  const { reason, cause } = error.options;
  request.logFields['error.type'] = error.code;
  request.logFields['error.reason'] = reason;
  if (error.code === 'internal' || cause !== undefined) {
    request.log.error({ err: cause ?? error, 'error.type': error.code }, 'request failed');
  }
  reply.headers(problemHeaders(proxyName, error));
  // Serialised here: a route's response schema might not name this status.
  reply
    .code(error.status)
    .type(problemMediaType)
    .serializer(JSON.stringify)
    .send(toProblem(error, request.id));
}

/** What an error's answer has in its head beside type and length; names in lower case. */
export function problemHeaders(
  proxyName: string | undefined,
  { status, code, options }: ServiceError,
): Record<string, string> {
  const { retryAfterSeconds, proxyError = errorTable[code].proxyError } = options;
  return {
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...(proxyName === undefined ? {} : { 'proxy-status': `${proxyName}; error=${proxyError}` }),
  };
}

/** A caller that hangs up within its body is no fault of ours; nobody reads the answer. */
function hungUp(request: FastifyRequest, thrown: unknown): ServiceError | undefined {
  const { complete, destroyed } = request.raw;
  const isReset = thrown instanceof Error && 'code' in thrown && thrown.code === 'ECONNRESET';
  return isReset && destroyed && !complete
    ? new ServiceError('request_invalid', {
        // That of an answer that was given already: the bytes were no HTTP.
        reason: request.logFields['error.reason'] ?? 'caller_gone',
      })
    : undefined;
}
