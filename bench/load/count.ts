import type { LoadOutcome } from './order.ts';

/** Counts the requests and answers of a run of the load generator. */
export class LoadCount {
  readonly #startedAt = performance.now();
  readonly #latenciesMs: number[] = [];
  #requests = 0;
  #answers = 0;
  #errors = 0;
  #refused = 0;

  get requests(): number {
    return this.#requests;
  }

  /** Requests without an answer yet. */
  get pending(): number {
    return this.#requests - this.#answers;
  }

  elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Counts a request; returns the time for {@link answered}. */
  sent(): number {
    this.#requests += 1;
    return performance.now();
  }

  /** @param status 0 if there was no answer */
  answered(status: number, sentAt: number): void {
    this.#answers += 1;
    if (status === 200) this.#latenciesMs.push(performance.now() - sentAt);
    else this.#errors += 1;
    if (status === 503) this.#refused += 1;
  }

  outcome(): LoadOutcome {
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b);
    const percentile = (p: number) => sorted[Math.floor((sorted.length - 1) * p)] ?? 0;
    return {
      requests: this.#requests,
      errors: this.#errors,
      refused: this.#refused,
      seconds: this.elapsedMs() / 1000,
      p50Ms: percentile(0.5),
      p99Ms: percentile(0.99),
    };
  }
}
