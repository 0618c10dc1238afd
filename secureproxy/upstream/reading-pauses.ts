import type { AnswerTarget } from './answer-target.ts';

interface PauseListeners {
  /** The caller has read what was written. */
  readonly onDrain: () => void;
  /** It has not, for too long. */
  readonly onTimeout: () => void;
}

/** The pauses in which a caller does not read its answer. Most callers make none, and listeners and timers cost much. */
export class ReadingPauses {
  readonly #response: AnswerTarget;
  readonly #timeoutMs: number;
  readonly #listeners: PauseListeners;
  #isPaused = false;

  constructor(response: AnswerTarget, timeoutMs: number, listeners: PauseListeners) {
    this.#response = response;
    this.#timeoutMs = timeoutMs;
    this.#listeners = listeners;
  }

  /** The buffers are full of what was written. */
  begin({ isBounded }: { readonly isBounded: boolean }): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    const { onTimeout } = this.#listeners;
    this.#response.on('drain', this.#onDrain).on('timeout', onTimeout);
    if (isBounded) this.#response.setTimeout(this.#timeoutMs);
  }

  end(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const { onTimeout } = this.#listeners;
    this.#response.off('drain', this.#onDrain).off('timeout', onTimeout);
    this.#response.setTimeout(0);
  }

  readonly #onDrain = () => {
    this.end();
    this.#listeners.onDrain();
  };
}

/** Bounds the time for the rest of an ended answer, milliseconds. Without a listener Node ends the connection itself. */
export function boundRest(response: AnswerTarget, timeoutMs: number): void {
  // Once all is sent, the timeout of kept connections counts.
  if (response.writableLength > 0) response.setTimeout(timeoutMs);
}
