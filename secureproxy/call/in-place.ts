import type { FastifyReply, FastifyRequest } from 'fastify';
import { type LogFields, toMilliseconds } from '../../shared/log/request-log.ts';
import type { Place, Places } from '../bulkheads/places.ts';
import type { Claim } from '../bulkheads/shares.ts';
import { Deadline } from '../upstream/deadline.ts';
import type { Call } from './call.ts';

export interface PlaceDependencies {
  readonly places: Places;
  /** Timeout of a whole call, milliseconds. */
  readonly totalTimeoutMs: number;
}

/**
 * Does the work of a call within its deadline, and in a place that counts for its app: before KeyServer is asked, so
 * that no app fills the process with calls that wait for it.
 * @throws ServiceError overloaded, upstream_timeout; what the work throws
 */
export async function inPlace<T>(
  { places, totalTimeoutMs }: PlaceDependencies,
  { timeoutMs }: Pick<Call, 'timeoutMs'>,
  { logFields: log }: FastifyRequest,
  { raw, elapsedTime }: FastifyReply,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const allowedMs = Math.min(timeoutMs ?? totalTimeoutMs, totalTimeoutMs);
  // From when its head was received: the queue comes before the framework, which measures the rest.
  const deadline = new Deadline(allowedMs - elapsedTime - (log['queue.duration_ms'] ?? 0));
  try {
    const place = places.open(raw, deadline);
    // If KeyServer is of an earlier version, the app is not known yet.
    const wait = takePlace(places, place, { app: log.app ?? '' }, log);
    if (wait !== undefined) await wait;
    return await work(place);
  } finally {
    deadline.end();
  }
}

/** Returns undefined if there was room, else what the call has to wait for; it is logged. @throws ServiceError */
export function takePlace(
  places: Places,
  place: Place,
  claim: Claim,
  log: LogFields,
): Promise<void> | undefined {
  return places.take(place, claim)?.then((waitedMs) => {
    log['queue.duration_ms'] = toMilliseconds((log['queue.duration_ms'] ?? 0) + waitedMs);
  });
}
