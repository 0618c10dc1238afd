import { mock } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Test } from 'tap';

/** Resolves once what was due at the time has been done, promises included. */
type TurnOn = (ms: number) => Promise<void>;

/** Has the timers of this process stand still for the rest of a test, until they are turned on. */
export function stillTimers(test: Test): TurnOn {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  test.teardown(() => mock.timers.reset());
  return async (ms) => {
    mock.timers.tick(ms);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
  };
}
