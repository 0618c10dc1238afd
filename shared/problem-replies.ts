import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorTable, ServiceError } from './errors.ts';
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
  const { reason, retryAfterSeconds, proxyError, cause } = error.options;
  request.logFields['error.type'] = error.code;
  request.logFields['error.reason'] = reason;
  if (error.code === 'internal' || cause !== undefined) {
    request.log.error({ err: cause ?? error, 'error.type': error.code }, 'request failed');
  }
  if (error.status === 401) reply.header('www-authenticate', 'Bearer');
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds));
  if (proxyName !== undefined) {
    reply.header(
      'proxy-status',
      `${proxyName}; error=${proxyError ?? errorTable[error.code].proxyError}`,
    );
  }
  // Serialised here: a route's response schema might not name this status.
  reply
    .code(error.status)
    .type(problemMediaType)
    .serializer(JSON.stringify)
    .send(toProblem(error, request.id));
}

/** A caller that hangs up within its body is no fault of ours; nobody reads the answer. */
function hungUp(request: FastifyRequest, thrown: unknown): ServiceError | undefined {
  const { complete, destroyed } = request.raw;
  const isReset = thrown instanceof Error && 'code' in thrown && thrown.code === 'ECONNRESET';
  return isReset && destroyed && !complete
    ? new ServiceError('request_invalid', { reason: 'caller_gone' })
    : undefined;
}
