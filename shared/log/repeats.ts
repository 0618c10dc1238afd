import type { Clock } from '../clock.ts';

const quietMs = 10_000;

/** Keeps a fault that comes with every retry from filling the log. */
export class Repeats {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #last: string | undefined;
  #saidAt = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** False where this was the last thing to be said, less than ten seconds ago. */
  isNew(what: string): boolean {
    const now = this.#clock.monotonic();
    if (what === this.#last && now - this.#saidAt < quietMs) return false;
    this.#last = what;
    this.#saidAt = now;
    return true;
  }
}
