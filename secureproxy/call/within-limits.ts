import type { FastifyReply } from 'fastify';
import { type LogFields, toMilliseconds } from '../../shared/log/request-log.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { isLimited } from '../limits/demands.ts';
import type { Limits } from '../limits/limits.ts';
import type { Pass } from '../limits/pass.ts';
import type { Deadline } from '../upstream/deadline.ts';
import type { Call } from './call.ts';
import type { PreparedCall } from './prepare.ts';

/**
 * Waits until the limits of its type let a judged call start; the log entry gets the wait and the limit. Undefined if
 * the type has none.
 * @throws ServiceError rate_limited, upstream_timeout; request_invalid if the caller is gone
 */
export function enterLimits(
  limits: Limits,
  policy: Policy,
  { clientId, tokenType }: Call,
  { url }: PreparedCall,
  { raw: response }: FastifyReply,
  deadline: Deadline,
  log: LogFields,
): Promise<Pass> | undefined {
  if (!isLimited(policy)) return undefined;
  const call = { clientId, tokenType, url };
  const onWaited = (ms: number, limit: string | undefined) => {
    log.limited_ms = toMilliseconds((log.limited_ms ?? 0) + ms);
    log.limit = limit ?? log.limit;
  };
  return limits.enter(policy, call, { app: log.app ?? '', deadline, response, onWaited });
}
