import type { Dispatcher } from 'undici';
import { ServiceError } from '../../shared/errors.ts';

const maxAbandoned = 16;

/**
 * Calls that ended before they had a connection, by pool: undici keeps them, with their bodies, until it has tried one
 * for each. An origin that takes no connections must not collect them without bound.
 */
const abandoned = new WeakMap<Dispatcher, number>();

export function countAbandoned(pool: Dispatcher, by: 1 | -1): void {
  abandoned.set(pool, (abandoned.get(pool) ?? 0) + by);
}

/** The error for one more call; undefined if there are few. */
export function refuseMoreAbandoned(pool: Dispatcher): ServiceError | undefined {
  if ((abandoned.get(pool) ?? 0) < maxAbandoned) return undefined;
  return new ServiceError('overloaded', {
    reason: 'origin_connections',
    retryAfterSeconds: 1,
    detail: 'Earlier calls to this origin got no connection, and new attempts still fail.',
  });
}
