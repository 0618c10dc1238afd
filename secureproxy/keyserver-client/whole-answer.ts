import type { Dispatcher } from 'undici';

/** An answer that has been read to its end. */
export interface WholeAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Sends a request through a pool and resolves to the whole answer. Rejects if it fails or has not
 * ended within `timeoutMs`. Uses `dispatch`, since `pool.request` takes twice the CPU.
 */
export function wholeAnswer(
  pool: Dispatcher,
  request: Dispatcher.DispatchOptions,
  timeoutMs: number,
): Promise<WholeAnswer> {
  const collector = new AnswerCollector(timeoutMs);
  pool.dispatch(request, collector);
  return collector.answer;
}

class AnswerCollector implements Dispatcher.DispatchHandler {
  readonly #answer = Promise.withResolvers<WholeAnswer>();
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #expired: Error | undefined;
  #status = 0;

  constructor(timeoutMs: number) {
    this.#timer = setTimeout(() => this.#expire(), timeoutMs);
  }

  get answer(): Promise<WholeAnswer> {
    return this.#answer.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Timed out while queued for a connection: nothing is sent.
    if (this.#expired !== undefined) controller.abort(this.#expired);
  }

  onResponseStart(_controller: unknown, status: number): void {
    this.#status = status;
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer);
    this.#answer.resolve({
      status: this.#status,
      text: Buffer.concat(this.#chunks).toString('utf8'),
    });
  }

  onResponseError(_controller: unknown, error: Error): void {
    clearTimeout(this.#timer);
    this.#answer.reject(error);
  }

  #expire(): void {
    this.#expired = new Error('no whole answer in time');
    if (this.#controller === undefined) this.#answer.reject(this.#expired);
    else this.#controller.abort(this.#expired);
  }
}
