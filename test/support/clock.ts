import type { RetryTimer } from '../../secureproxy/keyserver-client/http.ts';
import type { Clock } from '../../shared/clock.ts';

/** A clock that stands still until it is turned. */
export interface TestClock extends Clock {
  /** Turns both clocks on, in milliseconds. */
  advance(ms: number): void;
  /** Turns the wall clock alone, as a correction of the host's time does. */
  step(ms: number): void;
}

/** Starts at the wall clock's whole second, so that what is made by the real clock is not stale. */
export function testClock(): TestClock {
  let wall = Math.floor(Date.now() / 1000) * 1000;
  let monotonic = 5_000;
  return {
    now: () => wall,
    monotonic: () => monotonic,
    advance(ms) {
      wall += ms;
      monotonic += ms;
    },
    step(ms) {
      wall += ms;
    },
  };
}

/** Questions to a KeyServer that is away time out by a few pauses, which take no time. */
export function noPauses(): RetryTimer {
  const { monotonic, advance } = testClock();
  return { monotonic, sleep: async (ms) => advance(50 * ms) };
}
