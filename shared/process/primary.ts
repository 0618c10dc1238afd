import type { Worker } from 'node:cluster';

/** A primary process has little to do; a slower one is stopped or gone. */
const answerTimeoutMs = 1000;

export type ToPrimary = { readonly started: true } | Question;
/** A worker's question; the answer has the same `id`. */
export interface Question {
  readonly id: number;
  readonly question: unknown;
}
export interface ToWorker {
  readonly id: number;
  readonly answer: unknown;
}

/** A worker's connection to the primary process, which started it and its siblings. */
export class Primary {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #lastId = 0;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', ({ id, answer }: ToWorker) => this.#waiting.get(id)?.(answer));
  }

  tellStarted(): void {
    // The primary process may have ended.
    this.#send({ started: true }, () => undefined);
  }

  /** Resolves to the answer. @throws Error if there is none in time */
  async ask(question: unknown, timeoutMs = answerTimeoutMs): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, resolve);
    const timeout = setTimeout(
      () => reject(new Error('The primary process does not answer')),
      timeoutMs,
    );
    this.#send({ id, question }, reject);
    try {
      return await promise;
    } finally {
      clearTimeout(timeout);
      this.#waiting.delete(id);
    }
  }

  #send(message: ToPrimary, failed: (error: Error) => void): void {
    this.#worker.send(message, (error: Error | null) => {
      if (error) failed(error);
    });
  }
}
