import type { FastifyReply, FastifyRequest } from 'fastify';
import { toMilliseconds } from '../../shared/log/request-log.ts';
import { formatTraceparent, traceContextOf } from '../../shared/log/trace-context.ts';
import type { ReleaseQuery } from '../keyserver-client/client.ts';
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
  const began = reply.elapsedTime;
  let retries = 0;
  let isCached = false;
  try {
    const answer = await ask({
      appKey,
      clientId,
      tokenType,
      target: { method, url },
      // For KeyServer only; upstream sees neither request id nor trace context.
      trace: {
        'x-request-id': request.id,
        traceparent: formatTraceparent(traceContextOf(request.raw)),
      },
      onRetry: () => {
        retries += 1;
      },
    });
    isCached = answer.source === 'cached';
    return answer;
  } finally {
    if (!isCached) {
      log['keyserver.duration_ms'] = toMilliseconds(reply.elapsedTime - began);
      log['keyserver.retries'] = retries;
    }
  }
}
