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
 * Opens the place of a call, with its deadline, which is to be ended with the call. The place counts for its app: before
 * KeyServer is asked, so that no app fills the process with calls that wait for it.
 * @returns the place itself if there was room
 * @throws ServiceError overloaded, upstream_timeout; request_invalid if the caller is gone
 */
export function openPlace(
  { places, totalTimeoutMs }: PlaceDependencies,
  { timeoutMs }: Pick<Call, 'timeoutMs'>,
  { logFields: log }: FastifyRequest,
  { raw, elapsedTime }: FastifyReply,
): Place | Promise<Place> {
  const allowedMs = Math.min(timeoutMs ?? totalTimeoutMs, totalTimeoutMs);
  // From when its head was received: the queue comes before the framework, which measures the rest.
  const deadline = new Deadline(allowedMs - elapsedTime - (log['queue.duration_ms'] ?? 0));
  const fail = (error: unknown) => {
    deadline.end();
    throw error;
  };
  try {
    const place = places.open(raw, deadline);
    // If KeyServer is of an earlier version, the app is not known yet.
    const wait = takePlace(places, place, { app: log.app ?? '' }, log);
    return wait === undefined ? place : wait.then(() => place, fail);
  } catch (error) {
    return fail(error);
  }
}

/** Does work within the deadline and place of a call. @throws what {@link openPlace} and the work throw */
export async function inPlace<T>(
  dependencies: PlaceDependencies,
  call: Pick<Call, 'timeoutMs'>,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const place = await openPlace(dependencies, call, request, reply);
  try {
    return await work(place);
  } finally {
    place.deadline.end();
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
