import type { Clock } from '../../shared/clock.ts';

/** Exceeds the time in which a timestamp is accepted (±60 s): a replay finds its nonce here or is stale. */
const rememberMs = 120_000;

/** `full`: the nonce was not recorded, because the memory is full, and new nonces are rejected instead of old ones forgotten. */
export type NonceVerdict = 'new' | 'used' | 'full';

/**
 * Remembers used nonces for 120 to 240 s each: two generations per requester, the older of which is dropped
 * as a whole. Bounded per requester, so that one cannot use up the memory of the others.
 */
export class NonceMemory {
  readonly #clock: Clock;
  readonly #maxPerGeneration: number;
  readonly #whenFull: 'reject' | 'forget';
  readonly #requesters = new Map<
    string,
    { startedAt: number; current: Set<string>; previous: Set<string> }
  >();

  /** @param whenFull what a requester's full memory does: reject new nonces, or forget the oldest early */
  constructor(clock: Clock, maxPerGeneration = 100_000, whenFull: 'reject' | 'forget' = 'reject') {
    this.#clock = clock;
    this.#maxPerGeneration = maxPerGeneration;
    this.#whenFull = whenFull;
  }

  get size(): number {
    return this.#requesters.size;
  }

  take(requester: string, nonce: string): NonceVerdict {
    const memory = this.#rotate(requester);
    if (memory.current.has(nonce) || memory.previous.has(nonce)) return 'used';
    if (memory.current.size >= this.#maxPerGeneration) {
      if (this.#whenFull === 'reject') return 'full';
      memory.previous = memory.current;
      memory.current = new Set();
      // Otherwise the rotation by time would drop the full generation soon.
      memory.startedAt = this.#clock.monotonic();
    }
    memory.current.add(nonce);
    return 'new';
  }

  #rotate(requester: string) {
    const now = this.#clock.monotonic();
    let memory = this.#requesters.get(requester);
    if (memory === undefined) {
      this.#dropIdle(now);
      memory = { startedAt: now, current: new Set(), previous: new Set() };
      this.#requesters.set(requester, memory);
    }
    const age = now - memory.startedAt;
    if (age >= rememberMs) {
      memory.previous = age < 2 * rememberMs ? memory.current : new Set();
      memory.current = new Set();
      memory.startedAt = now;
      this.#dropIdle(now);
    }
    return memory;
  }

  /** Requesters whose nonces would all be dropped at their next request. */
  #dropIdle(now: number): void {
    for (const [requester, { startedAt }] of this.#requesters) {
      if (now - startedAt >= 2 * rememberMs) this.#requesters.delete(requester);
    }
  }
}
