import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { LatelyTold } from './lately-told.ts';
import { Limits } from './limits.ts';
import { LocalStore } from './local-store.ts';
import { RedisLink } from './redis-link.ts';
import { RedisStore } from './redis-store.ts';

interface SharedLimitsOptions {
  /** Undefined: each process counts its share. */
  readonly redisUrl: string | undefined;
  /** Processes that share the limits at least, as the settings say. */
  readonly processes: number;
  readonly clock: Clock;
  readonly log: Logger;
}

interface SharedLimits {
  readonly limits: Limits;
  /** Takes how many processes KeyServer has heard of lately. */
  readonly tell: (processes: number) => void;
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
  const told = new LatelyTold(clock);
  if (redisUrl === undefined) {
    const share = () => Math.max(processes, told.most);
    let said = 1;
    const say = () => {
      if (share() === said) return;
      said = share();
      log.info({ share: said }, 'each process takes its share of limits');
    };
    return {
      limits: new Limits({ store: new LocalStore(clock, share), clock }),
      tell: (count) => {
        told.note(count);
        say();
      },
      start: async () => say(),
      stop: async () => undefined,
    };
  }
  const share = () => Math.max(processes, told.most, link.members);
  const link: RedisLink = new RedisLink({
    ...{ url: redisUrl, memberId: randomUUID(), clock, log },
    processes: share,
  });
  const store = new RedisStore(link, new LocalStore(clock, share));
  return {
    limits: new Limits({ store, clock }),
    tell: (count) => told.note(count),
    start: () => link.start(),
    stop: () => link.stop(),
  };
}
