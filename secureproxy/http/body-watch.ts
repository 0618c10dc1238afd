import { begunKeyLength, bodyHoldsKey, misplacedKey } from './key-watch.ts';

/** Lets a body pass piece by piece; what it throws ends the call. */
export interface BodyWatch {
  /** Returns the bytes that may be sent now. */
  write(chunk: Buffer): Buffer;
  /** Returns the remaining bytes. */
  end(): Buffer;
}

/** The longest spelling of an app key that is found: one whose letters are each escaped four times is not longer. */
const searchedBytes = 512;

const nothing = Buffer.alloc(0);

function join(before: Buffer, chunk: Buffer): Buffer {
  return before.length === 0 ? chunk : Buffer.concat([before, chunk]);
}

/**
 * Searches a streamed body for app keys, as `checkNoAppKey` does one in memory. The beginning of a key is held back, so
 * that nothing of a key was sent when it is found.
 */
export class StreamedKeyWatch implements BodyWatch {
  /** The last bytes that came, the held ones included. */
  #last = nothing;
  #held = 0;

  write(chunk: Buffer): Buffer {
    const held = this.#last.subarray(this.#last.length - this.#held);
    // Of a long chunk only the seam is copied.
    const isLong = chunk.length >= searchedBytes;
    const seam = join(this.#last, isLong ? chunk.subarray(0, searchedBytes) : chunk);
    if (bodyHoldsKey(seam) || (isLong && bodyHoldsKey(chunk))) throw misplacedKey('The body');
    const bytes = isLong ? chunk : seam;
    this.#last = Buffer.from(bytes.subarray(-searchedBytes));
    this.#held = begunKeyLength(this.#last.toString('latin1'));
    const passed = join(held, chunk);
    return passed.subarray(0, passed.length - this.#held);
  }

  end(): Buffer {
    const rest = this.#last.subarray(this.#last.length - this.#held);
    this.#last = nothing;
    this.#held = 0;
    return rest;
  }
}
