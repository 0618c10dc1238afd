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

/** Limits that all proxies share, by Redis or by a part for each. */
export function sharedLimits({ redisUrl, processes, clock, log }: SharedLimitsOptions) {
  const told = new LatelyTold(clock);
  const share = (): number => Math.max(processes, told.most, link?.members ?? 0);
  const local = new LocalStore(clock, share);
  const link =
    redisUrl === undefined
      ? undefined
      : new RedisLink({
          url: redisUrl,
          memberId: randomUUID(),
          clock,
          log,
          processes: share,
          onAnswering: () => void shared?.closeAgain(),
        });
  const shared = link && new RedisStore(link, local);
  let said = 1;
  const say = () => {
    // With Redis the share counts while that is away alone, and is told then.
    if (link !== undefined || share() === said) return;
    said = share();
    log.info({ share: said }, 'each process takes its share of limits');
  };
  return {
    limits: new Limits({ store: shared ?? local, clock }),
    /** Takes how many processes KeyServer has heard of lately. */
    tell: (count: number) => {
      told.note(count);
      say();
    },
    start: async () => {
      say();
      await link?.start();
    },
    stop: async () => link?.stop(),
  };
}
