import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something has come about; the test's own timeout is the limit. */
export async function until(met: () => boolean): Promise<void> {
  while (!met()) await sleep(5);
}
