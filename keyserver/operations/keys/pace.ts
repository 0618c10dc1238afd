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
  /** The size for the next batch. */
  size = 100;
  readonly #pause: (ms: number) => Promise<unknown>;

  constructor(pause: (ms: number) => Promise<unknown>) {
    this.#pause = pause;
  }

  /** Runs a batch, again after a pause if it lost to others. Rejects as it does. */
  async run<T>(batch: () => Promise<T>, isTransient: (error: unknown) => boolean): Promise<T> {
    for (const retryPauseMs of [...retryPausesMs, undefined]) {
      const began = performance.now();
      try {
        const result = await batch();
        this.#adapt(performance.now() - began);
        await this.#pause((performance.now() - began) / 2);
        return result;
      } catch (error) {
        if (retryPauseMs === undefined || !isTransient(error)) throw error;
        this.size = minSize;
        await this.#pause(retryPauseMs);
      }
    }
    throw new Error('unreachable');
  }

  #adapt(ms: number): void {
    if (ms < shortMs) this.size = Math.min(maxSize, this.size * 2);
    else if (ms > longMs) this.size = Math.max(minSize, Math.floor(this.size / 2));
  }
}
