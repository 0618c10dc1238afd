import type { FastifyReply, FastifyRequest } from 'fastify';
import { Deadline } from '../upstream/deadline.ts';
import type { Call } from './call.ts';

/** The deadline of a call, from when its head was received. `TimeoutMs` can only shorten it. */
export function deadlineOf(
  { timeoutMs }: Pick<Call, 'timeoutMs'>,
  { logFields }: FastifyRequest,
  { elapsedTime }: FastifyReply,
  totalTimeoutMs: number,
): Deadline {
  const allowedMs = Math.min(timeoutMs ?? totalTimeoutMs, totalTimeoutMs);
  // The queue comes before the framework, which measures the rest.
  return new Deadline(allowedMs - elapsedTime - (logFields['queue.duration_ms'] ?? 0));
}
