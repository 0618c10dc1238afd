import type { FastifyReply, FastifyRequest } from 'fastify';
import { toMilliseconds } from '../../shared/log/request-log.ts';
import { formatTraceparent, traceContextOf } from '../../shared/log/trace-context.ts';
import type { ReleaseQuery, WhoamiQuery } from '../keyserver-client/client.ts';
import type { Deadline } from '../upstream/deadline.ts';
import type { Call } from './call.ts';

/**
 * Asks KeyServer for a call's release or explanation; the log entry gets the duration and retries.
 * @param ask returns the answer itself if KeyServer need not be asked
 * @throws ServiceError from `ask`, or upstream_timeout; other calls may go on waiting for the same answer then
 */
export async function askForCall<T extends object>(
  call: Call,
  request: FastifyRequest,
  reply: FastifyReply,
  deadline: Deadline,
  ask: (query: ReleaseQuery) => T | Promise<T>,
): Promise<T> {
  logNames(call, request);
  let retries = 0;
  const asked = ask(
    queryOf(call, request, () => {
      retries += 1;
    }),
  );
  if (!(asked instanceof Promise)) return asked;
  return timed(request, reply, deadline.bound('keyserver', asked), () => retries);
}

/** Names the call's client and type in its log entry. */
export function logNames({ clientId, tokenType }: Call, { logFields: log }: FastifyRequest): void {
  log.client = clientId;
  log.token_type = tokenType;
}

export function queryOf(
  { appKey, clientId, tokenType, method, url }: Call,
  request: FastifyRequest,
  onRetry: () => void = () => undefined,
): ReleaseQuery {
  return {
    appKey,
    clientId,
    tokenType,
    target: { method, url },
    app: request.logFields.app,
    trace: traceOf(request),
    onRetry,
  };
}

/** Asks KeyServer for the app of a call whose body is not read yet; logged likewise. @throws ServiceError */
export function askForCaller<T>(
  appKey: string | null,
  request: FastifyRequest,
  reply: FastifyReply,
  ask: (query: WhoamiQuery) => Promise<T>,
): Promise<T> {
  let retries = 0;
  const onRetry = () => {
    retries += 1;
  };
  const asked = ask({ appKey, trace: traceOf(request), onRetry });
  return timed(request, reply, asked, () => retries);
}

/** For KeyServer only; upstream sees neither request id nor trace context. */
function traceOf({ id, raw }: FastifyRequest) {
  return { 'x-request-id': id, traceparent: formatTraceparent(traceContextOf(raw)) };
}

async function timed<T>(
  { logFields: log }: FastifyRequest,
  reply: FastifyReply,
  asked: Promise<T>,
  retries: () => number,
): Promise<T> {
  const began = reply.elapsedTime;
  try {
    return await asked;
  } finally {
    const { 'keyserver.duration_ms': ms = 0, 'keyserver.retries': before = 0 } = log;
    log['keyserver.duration_ms'] = toMilliseconds(ms + reply.elapsedTime - began);
    log['keyserver.retries'] = before + retries();
  }
}
