import type { AnswerTarget } from './answer-target.ts';

/** Bounds the pauses in which a caller does not read its answer. Most callers make none, and timers cost much. */
export class ReadingTimeout {
  readonly #response: AnswerTarget;
  readonly #timeoutMs: number;
  #isPaused = false;

  constructor(response: AnswerTarget, timeoutMs: number) {
    this.#response = response;
    this.#timeoutMs = timeoutMs;
  }

  /** The caller has not read what was written; `timeout` is emitted if it does not for too long. */
  begin(): void {
    this.#isPaused = true;
    this.#response.setTimeout(this.#timeoutMs);
  }

  /** It has. */
  end(): void {
    if (this.#isPaused) this.#response.setTimeout(0);
    this.#isPaused = false;
  }

  /** Bounds the time for the rest of an ended answer. Without a listener Node ends the connection itself. */
  boundRest(): void {
    // Once all is sent, the timeout of kept connections counts.
    if (this.#response.writableLength > 0) this.#response.setTimeout(this.#timeoutMs);
  }
}
