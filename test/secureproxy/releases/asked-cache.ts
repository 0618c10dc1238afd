import type { Obtained, ReleaseQuery } from '../../../secureproxy/keyserver-client/client.ts';
import { KnownChanges } from '../../../secureproxy/releases/known-changes.ts';
import { type RefreshOutcome, ReleaseCache } from '../../../secureproxy/releases/release-cache.ts';
import type { Changes } from '../../../shared/protocol/change-messages.ts';
import type { Release } from '../../../shared/protocol/messages.ts';
import { testClock } from '../../support/clock.ts';
import { releaseOf } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';

export const target = { method: 'GET', url: 'https://shop.example/' } as const;
export const query = (more: Partial<ReleaseQuery> = {}): ReleaseQuery => ({
  appKey: 'key-a',
  clientId: 'acme',
  tokenType: 'test',
  target,
  trace: {},
  ...more,
});

/** A cache before a KeyServer whose answers are given out by hand. */
export function setUp(
  options: { maxSeconds?: number; maxEntries?: number; random?: () => number } = {},
) {
  const clock = testClock();
  const asked: ReleaseQuery[] = [];
  const refreshed: RefreshOutcome[] = [];
  let isEnding = false;
  const learned: (readonly [string | null, string])[] = [];
  const waiting: PromiseWithResolvers<Obtained>[] = [];
  const known = new KnownChanges(clock);
  const cache = new ReleaseCache({
    known,
    client: {
      obtain: (asking) => {
        asked.push(asking);
        const next = Promise.withResolvers<Obtained>();
        waiting.push(next);
        return next.promise;
      },
    },
    onObtained: (appKey, { app }) => learned.push([appKey, app]),
    onRefreshed: (outcome) => refreshed.push(outcome),
    isEnding: () => isEnding,
    // As early as it may be.
    random: () => 0,
    maxSeconds: 5,
    maxEntries: 100,
    ...options,
  });
  const give = (more: Partial<Release> = {}) =>
    waiting.shift()?.resolve({ release: release(more), source: 'rsa' });
  /** Answers the latest question first. */
  const giveLast = (more: Partial<Release>) =>
    waiting.pop()?.resolve({ release: release(more), source: 'rsa' });
  const refuse = (error: Error) => waiting.shift()?.reject(error);
  const end = () => {
    isEnding = true;
  };
  return { cache, known, clock, asked, learned, refreshed, give, giveLast, refuse, end };
}

function release(more: Partial<Release>): Release {
  return releaseOf({ destinations: ['https://shop.example'] }, more);
}

export type AskedCache = ReturnType<typeof setUp>;

/** Gets a release from the cache, and answers if it asks KeyServer. */
export async function obtain({ cache, give }: AskedCache, more = {}, answer = {}) {
  const got = cache.get(query(more));
  give(answer);
  return got;
}

/** Applies an announcement of KeyServer, requested now. */
export function announce({ known, clock }: AskedCache, more: Partial<Changes> = {}) {
  known.take({ seq: known.seq, changes: [], ageMs: 0, ...more }, clock.monotonic());
}

/** Waits until KeyServer was asked so many times. */
export async function asks({ asked }: AskedCache, count: number) {
  await until(() => asked.length >= count);
}
