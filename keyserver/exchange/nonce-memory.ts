import type { Clock } from '../../shared/clock.ts';

/** Longer than any accepted timestamp stays acceptable (±60 s), so a replay meets its nonce or is stale. */
const rememberMs = 120_000;

/** `full`: it was not taken, since no more can be remembered. */
export type NonceVerdict = 'new' | 'used' | 'full';

/**
 * Nonces that were used, each for 120 to 240 s: two generations per asker, the older of which is
 * dropped whole. Bounded per asker, so that one cannot fill the memory of the others.
 */
export class NonceMemory {
  readonly #clock: Clock;
  readonly #maxPerGeneration: number;
  readonly #askers = new Map<
    string,
    { startedAt: number; current: Set<string>; previous: Set<string> }
  >();

  constructor(clock: Clock, maxPerGeneration = 100_000) {
    this.#clock = clock;
    this.#maxPerGeneration = maxPerGeneration;
  }

  /** Takes a nonce for good. */
  take(asker: string, nonce: string): NonceVerdict {
    const memory = this.#rotate(asker);
    if (memory.current.has(nonce) || memory.previous.has(nonce)) return 'used';
    if (memory.current.size >= this.#maxPerGeneration) return 'full';
    memory.current.add(nonce);
    return 'new';
  }

  #rotate(asker: string) {
    const now = this.#clock.monotonic();
    let memory = this.#askers.get(asker);
    if (memory === undefined) {
      memory = { startedAt: now, current: new Set(), previous: new Set() };
      this.#askers.set(asker, memory);
    }
    const age = now - memory.startedAt;
    if (age >= rememberMs) {
      memory.previous = age < 2 * rememberMs ? memory.current : new Set();
      memory.current = new Set();
      memory.startedAt = now;
    }
    return memory;
  }
}
