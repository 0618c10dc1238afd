import type { Clock } from '../shared/clock.ts';
import { ServiceError } from '../shared/errors.ts';

/** Longer than any accepted timestamp stays acceptable (±60 s), so a replay meets its nonce or is stale. */
const rememberMs = 120_000;

/**
 * Nonces that were used, each for 120 to 240 s: two generations per asker, the older of which is
 * dropped whole. Bounded per asker, so that one cannot fill the memory of the others.
 */
export class Nonces {
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

  /** Takes a nonce for good. @throws ServiceError request_stale where it was used, overloaded where no more can be remembered. */
  use(asker: string, nonce: string): void {
    const memory = this.#rotate(asker);
    if (memory.current.has(nonce) || memory.previous.has(nonce)) {
      throw new ServiceError('request_stale', {
        reason: 'nonce_used',
        detail: 'The nonce was used before: take a new one for every request.',
      });
    }
    if (memory.current.size >= this.#maxPerGeneration) {
      throw new ServiceError('overloaded', {
        reason: 'nonces_full',
        retryAfterSeconds: 120,
        detail: 'Too many new sessions: use the ticket of an earlier answer.',
      });
    }
    memory.current.add(nonce);
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
