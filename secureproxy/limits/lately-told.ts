import type { Clock } from '../../shared/clock.ts';

/** A KeyServer that has just started has not heard of all; a proxy that restarts is soon back. */
const memoryMs = 60_000;

/** The greatest of the numbers that were told within a minute. */
export class LatelyTold {
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** The later ones are smaller. */
  #told: { readonly count: number; readonly at: number }[] = [];

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  note(count: number): void {
    const at = this.#clock.monotonic();
    this.#told = this.#told.filter((one) => one.count > count);
    this.#told.push({ count, at });
  }

  get most(): number {
    const end = this.#clock.monotonic() - memoryMs;
    while (this.#told[0] !== undefined && this.#told[0].at <= end) this.#told.shift();
    return this.#told[0]?.count ?? 0;
  }
}
