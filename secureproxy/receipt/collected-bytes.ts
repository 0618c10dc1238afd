import { freeMemory } from './free-memory.ts';

const none: Buffer = Buffer.alloc(0);

/**
 * Joins chunks as they come: each is copied while it is in the CPU's cache, and its memory serves the next one.
 * Holding them until the end would take twice the memory.
 */
export class CollectedBytes {
  readonly #announced: number;
  readonly #reserved: number;
  #memory = none;
  #length = 0;

  /**
   * @param announced size; 0: unknown
   * @param reserved size to reserve once more than one chunk comes
   */
  constructor(announced: number, reserved: number) {
    this.#announced = announced;
    this.#reserved = reserved;
  }

  /** Returns the bytes, and lets go of them. A zero follows in memory if they came in more than one chunk. */
  take(): Buffer {
    const bytes = this.#memory.subarray(0, this.#length);
    this.#memory = none;
    this.#length = 0;
    return bytes;
  }

  add(chunk: Buffer): void {
    const before = this.#length;
    this.#length += chunk.length;
    // A body of one chunk is not copied.
    if (before === 0) {
      this.#memory = chunk;
      return;
    }
    if (this.#length >= this.#memory.length) this.#grow(before);
    chunk.copy(this.#memory, before);
    this.#memory[this.#length] = 0;
    freeMemory(chunk);
  }

  /** Four times what came is not more than that in the machine's memory, as long as it is not written to. */
  #grow(used: number): void {
    const more = this.#announced === 0 ? used * 2 : Math.min(used * 4, this.#announced);
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#reserved, this.#length, more) + 1);
    this.#memory.copy(grown, 0, 0, used);
    freeMemory(this.#memory);
    this.#memory = grown;
  }
}
