import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { Limits } from './limits.ts';
import { LocalStore } from './local-store.ts';
import { RedisLink } from './redis-link.ts';
import { RedisStore } from './redis-store.ts';

export interface SharedLimitsOptions {
  /** Undefined: each process counts its share. */
  readonly redisUrl: string | undefined;
  /** Processes that share the limits, as the settings say. */
  readonly processes: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface SharedLimits {
  readonly limits: Limits;
  /** Connects to Redis. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Limits that all proxies share, by Redis or by a part for each. */
export function sharedLimits({
  redisUrl,
  processes,
  clock,
  log,
}: SharedLimitsOptions): SharedLimits {
  if (redisUrl === undefined) {
    const limits = new Limits({ store: new LocalStore(clock, () => processes), clock });
    return {
      limits,
      start: async () => {
        if (processes > 1) log.info({ share: processes }, 'each process takes its share of limits');
      },
      stop: async () => undefined,
    };
  }
  const share = () => Math.max(processes, link.members);
  const link: RedisLink = new RedisLink({
    ...{ url: redisUrl, memberId: randomUUID(), clock, log },
    processes: share,
  });
  const store = new RedisStore(link, new LocalStore(clock, share));
  return {
    limits: new Limits({ store, clock }),
    start: () => link.start(),
    stop: () => link.stop(),
  };
}
