/**
 * Redacts a body chunk by chunk. The number of bytes released depends on the number received only, never on their
 * values: the timing of an answer must not reveal how much of it looks like a secret.
 */
export interface BodyFilter {
  /** Number of redactions so far. */
  readonly redactions: number;
  /** Takes a chunk; returns the bytes that may be sent now. */
  write(chunk: Buffer): Buffer;
  /**
   * Takes the last chunk, of the body or of a part that is redacted by itself; returns the remaining bytes.
   * Decisions stand: if all that follows is left out, that includes later parts.
   */
  end(last?: Buffer): Buffer;
}

const nothing = Buffer.alloc(0);

/** Holds each byte back until enough following bytes have arrived to judge it. */
export abstract class Lookahead implements BodyFilter {
  redactions = 0;
  readonly #bytes: number;
  #held: Buffer = nothing;

  /** @param bytes number of bytes needed to judge one, itself included; fewer only at the end */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Judges the first `count` bytes and returns their replacement. */
  protected abstract judge(bytes: Buffer, count: number): Buffer;

  write(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const count = bytes.length - this.#bytes + 1;
    if (count <= 0) {
      // Copied, since a view would keep its whole chunk in memory.
      this.#held = bytes === chunk ? Buffer.from(bytes) : bytes;
      return nothing;
    }
    this.#held = Buffer.from(bytes.subarray(count));
    return this.judge(bytes, count);
  }

  end(last: Buffer = nothing): Buffer {
    const bytes = this.#held.length === 0 ? last : Buffer.concat([this.#held, last]);
    this.#held = nothing;
    return this.judge(bytes, bytes.length);
  }
}
