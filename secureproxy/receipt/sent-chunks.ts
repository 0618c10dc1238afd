import { freeMemory } from './free-memory.ts';

/** Frees the chunks of a body once they are sent, since collecting them as garbage forces collections of all memory. */
export class SentChunks {
  readonly #waiting: Buffer[] = [];
  #bytes = 0;

  /** @param waitingBytes how many of the bytes that a connection was given last are still read from their chunks */
  add(chunk: Buffer, waitingBytes: number): void {
    this.#waiting.push(chunk);
    this.#bytes += chunk.length;
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || this.#bytes - first.length < waitingBytes) return;
      this.#waiting.shift();
      this.#bytes -= first.length;
      freeMemory(first);
    }
  }
}
