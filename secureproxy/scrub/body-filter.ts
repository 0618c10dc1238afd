/** Reads as what was taken out. */
export const redacted = Buffer.from('[redacted]');

/** Passes a body on in pieces, with something taken out. */
export interface BodyFilter {
  /** How often something was taken out so far. */
  readonly redactions: number;
  /** What may go on, now that these bytes came. */
  write(chunk: Buffer): Buffer;
  /** What is left, now that no more will come but this. */
  end(last?: Buffer): Buffer;
}

const nothing = Buffer.alloc(0);

/**
 * Keeps back the bytes that cannot be judged yet: each is judged once so many more stand behind it.
 * How many are out follows from how many came in, never from what they are: who can time an answer
 * must not learn how much of it looks like a secret.
 */
export class Lookahead {
  readonly #bytes: number;
  /** Judges the first `count` of the bytes and gives what may go on in their place. */
  readonly #judge: (bytes: Buffer, count: number) => Buffer;
  #held: Buffer = nothing;

  /** `bytes`: how many, the judged one included, are to be at hand; fewer only at the end. */
  constructor(bytes: number, judge: (bytes: Buffer, count: number) => Buffer) {
    this.#bytes = bytes;
    this.#judge = judge;
  }

  write(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const count = bytes.length - this.#bytes + 1;
    if (count <= 0) {
      // Copied, for a view would keep all that came along with it in memory.
      this.#held = bytes === chunk ? Buffer.from(bytes) : bytes;
      return nothing;
    }
    this.#held = Buffer.from(bytes.subarray(count));
    return this.#judge(bytes, count);
  }

  end(last: Buffer = nothing): Buffer {
    const bytes = this.#held.length === 0 ? last : Buffer.concat([this.#held, last]);
    this.#held = nothing;
    return this.#judge(bytes, bytes.length);
  }
}
