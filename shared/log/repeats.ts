import type { Clock } from '../clock.ts';

const quietMs = 10_000;

/** Suppresses repeated log entries: a fault that recurs with every retry must not fill the log. */
export class Repeats {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #lastReported: string | undefined;
  #lastReportedAt = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** False if the last report, less than ten seconds ago, was the same. */
  isNew(report: string): boolean {
    const now = this.#clock.monotonic();
    if (report === this.#lastReported && now - this.#lastReportedAt < quietMs) return false;
    this.#lastReported = report;
    this.#lastReportedAt = now;
    return true;
  }
}
