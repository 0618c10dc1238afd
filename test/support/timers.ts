import { mock } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Test } from 'tap';

/** Lets so many milliseconds go by. Resolves once what was due then has been done, promises included. */
export type TurnOn = (ms: number) => Promise<void>;

/**
 * Has the timers of this process stand still for the rest of a test, until they are turned on. A timer that was
 * made before cannot be cleared meanwhile, so those of the last test are let go first.
 */
export async function stillTimers(test: Test): Promise<TurnOn> {
  await nextTurn();
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  test.teardown(() => mock.timers.reset());
  return async (ms) => {
    mock.timers.tick(ms);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
  };
}
