import { mock } from 'node:test';
import { setImmediate as settled } from 'node:timers/promises';

/**
 * Runs a test with `setTimeout` stopped; `pass` lets this many milliseconds go by. A timer that was
 * made before cannot be cleared meanwhile: those of the last test are let go first, and tap's own after.
 */
export async function withStoppedTimers(
  test: (pass: (ms: number) => void) => Promise<void>,
): Promise<void> {
  await settled();
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    await test((ms) => mock.timers.tick(ms));
  } finally {
    mock.timers.reset();
  }
}
