import { setTimeout as sleep } from 'node:timers/promises';
import { ask, type ServerAddress } from './mysql-server.ts';

const pollMs = 50;

/** Resolves when the server lets its user in; rejects with its last refusal after `limitMs`, or once it has ended. */
export async function serverReady(
  address: ServerAddress,
  limitMs: number,
  hasEnded: () => boolean = () => false,
): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  for (;;) {
    try {
      await ask(address, 'DO 0');
      return;
    } catch (error) {
      if (performance.now() > giveUpAt || hasEnded()) throw error;
      await sleep(pollMs);
    }
  }
}
