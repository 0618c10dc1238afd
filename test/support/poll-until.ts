import { setTimeout as sleep } from 'node:timers/promises';

const pauseMs = 50;

/**
 * Asks again and again until `isSo` holds for the answer, and resolves to it.
 * @throws Error with the last answer if it does not hold within `limitMs`, generous since machines can be busy
 */
export async function pollUntil<T>(
  what: string,
  ask: () => T | Promise<T>,
  isSo: (answer: T) => boolean,
  limitMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    if (performance.now() > deadline) {
      throw new Error(`${what}: not within ${limitMs} ms; last: ${JSON.stringify(answer)}`);
    }
    await sleep(pauseMs);
  }
}
