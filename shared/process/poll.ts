import { setTimeout as sleep } from 'node:timers/promises';

export interface PollOptions {
  /**
   * One attempt, which handles its own errors.
   * @returns how long to pause before the next one, milliseconds; negative is 0
   */
  readonly attempt: () => Promise<number>;
  /** Resolves or rejects early once the signal aborts; the system's timer by default. */
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<unknown>) | undefined;
}

/** Repeats an attempt until it is stopped, never two at once. */
export class Poll {
  readonly #options: PollOptions;
  readonly #stopping = new AbortController();
  #pausing = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  constructor(options: PollOptions) {
    this.#options = options;
  }

  get isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Attempts at once, then after every pause; resolves after the first attempt. */
  async start(): Promise<void> {
    const { attempt } = this.#options;
    const first = attempt();
    this.#ended = this.#repeat(first);
    await first;
  }

  wake(): void {
    this.#pausing.abort();
  }

  /** Makes no more attempts; resolves when the current one has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#pausing.abort();
    await this.#ended;
  }

  async #repeat(first: Promise<number>): Promise<void> {
    const { attempt, sleep: pause = (ms, signal) => sleep(ms, undefined, { signal }) } =
      this.#options;
    const { signal } = this.#stopping;
    let pauseMs = await first;
    while (!signal.aborted) {
      this.#pausing = new AbortController();
      await pause(Math.max(0, pauseMs), this.#pausing.signal).catch(() => undefined);
      if (!signal.aborted) pauseMs = await attempt();
    }
  }
}
