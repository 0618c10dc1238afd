import type { Clock } from '../clock.ts';

const hourMs = 3_600_000;

/** Limits a log entry to one an hour for each name. It keeps every name, so their number must be bounded. */
export class HourlyByName {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #loggedAt = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** True if the entry of this name was due less than an hour ago. */
  isQuiet(name: string): boolean {
    return this.#clock.monotonic() - (this.#loggedAt.get(name) ?? -Infinity) < hourMs;
  }

  /** True if the entry of this name is to be logged now. */
  isDue(name: string): boolean {
    if (this.isQuiet(name)) return false;
    this.#loggedAt.set(name, this.#clock.monotonic());
    return true;
  }
}
