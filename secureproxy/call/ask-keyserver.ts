import type { FastifyReply, FastifyRequest } from 'fastify';
import { toMilliseconds } from '../../shared/log/request-log.ts';
import { formatTraceparent, traceContextOf } from '../../shared/log/trace-context.ts';
import type { ReleaseQuery, WhoamiQuery } from '../keyserver-client/client.ts';
import type { Call } from './call.ts';

/**
 * Asks KeyServer for a call's release or explanation; the log entry gets the duration and retries.
 * @throws ServiceError from `ask`
 */
export async function askForCall<T extends { readonly source: 'cached' | 'ticket' | 'rsa' }>(
  { appKey, clientId, tokenType, method, url }: Call,
  request: FastifyRequest,
  reply: FastifyReply,
  ask: (query: ReleaseQuery) => Promise<T>,
): Promise<T> {
  const { logFields: log } = request;
  log.client = clientId;
  log.token_type = tokenType;
  return timed(
    request,
    reply,
    (asking) => ask({ appKey, clientId, tokenType, target: { method, url }, ...asking }),
    ({ source }) => source === 'cached',
  );
}

/** Asks KeyServer for the app of a call whose body is not read yet; logged likewise. @throws ServiceError */
export function askForCaller<T>(
  appKey: string | null,
  request: FastifyRequest,
  reply: FastifyReply,
  ask: (query: WhoamiQuery) => Promise<T>,
): Promise<T> {
  return timed(request, reply, (asking) => ask({ appKey, ...asking }));
}

async function timed<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  ask: (asking: Pick<WhoamiQuery, 'trace' | 'onRetry'>) => Promise<T>,
  isCached: (answer: T) => boolean = () => false,
): Promise<T> {
  const { logFields: log } = request;
  const began = reply.elapsedTime;
  let retries = 0;
  let isAsked = true;
  try {
    const answer = await ask({
      // For KeyServer only; upstream sees neither request id nor trace context.
      trace: {
        'x-request-id': request.id,
        traceparent: formatTraceparent(traceContextOf(request.raw)),
      },
      onRetry: () => {
        retries += 1;
      },
    });
    isAsked = !isCached(answer);
    return answer;
  } finally {
    if (isAsked) {
      const { 'keyserver.duration_ms': ms = 0, 'keyserver.retries': before = 0 } = log;
      log['keyserver.duration_ms'] = toMilliseconds(ms + reply.elapsedTime - began);
      log['keyserver.retries'] = before + retries;
    }
  }
}
