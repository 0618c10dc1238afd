import { isStoreError } from '../../store/store-error.ts';

/** Below it, beginning and ending a transaction would cost more than its rows. */
const minSize = 50;
const maxSize = 500;
/** Batches grow below and shrink above: their rows stay locked for so long. */
const shortMs = 250;
const longMs = 1000;
/** A retry that comes after all of these pauses, two minutes, would not help either. */
const retryPausesMs = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 60_000];

/** Adapts batches to what the database bears: their size to how long they take, with pauses of half that time. */
export class Pace {
  #size = 100;
  readonly #pause: (ms: number) => Promise<unknown>;

  constructor(pause: (ms: number) => Promise<unknown>) {
    this.#pause = pause;
  }

  /**
   * Writes the items in batches; one that lost to others is written again after a pause, with fewer items. Resolves
   * to the results of all; rejects as the batch does that failed too often.
   */
  async run<I, R>(
    items: readonly I[],
    write: (batch: readonly I[]) => Promise<readonly R[]>,
  ): Promise<R[]> {
    const results: R[] = [];
    let retries = 0;
    while (results.length < items.length) {
      const began = performance.now();
      try {
        results.push(...(await write(items.slice(results.length, results.length + this.#size))));
        retries = 0;
        const ms = performance.now() - began;
        this.#adapt(ms);
        await this.#pause(ms / 2);
      } catch (error) {
        const pauseMs = retryPausesMs[retries];
        if (pauseMs === undefined || !isTransient(error)) throw error;
        retries += 1;
        this.#size = minSize;
        await this.#pause(pauseMs);
      }
    }
    return results;
  }

  #adapt(ms: number): void {
    if (ms < shortMs) this.#size = Math.min(maxSize, this.#size * 2);
    else if (ms > longMs) this.#size = Math.max(minSize, Math.floor(this.#size / 2));
  }
}

function isTransient(error: unknown): boolean {
  return isStoreError(error, 'locked') || isStoreError(error, 'timeout');
}
