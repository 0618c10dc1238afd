import { bodyHoldsKey, misplacedKey } from './key-watch.ts';

/** Lets a body pass piece by piece; what it throws ends the call. */
export interface BodyWatch {
  /** Returns the bytes that may be sent now. */
  write(chunk: Buffer): Buffer;
  /** Returns the remaining bytes. */
  end(): Buffer;
}

/** The beginning of an app key, which is held back: when a key is found, no whole one was sent. */
const keyStart = /s(?:p(?:k(?:_[0-9A-Za-z]{0,35})?)?)?$/;
const maxHeldBytes = 39;
/** An escaped key may be longer. Of one whose beginning is escaped, all but the end may have been sent. */
const searchedBytes = 512;

const nothing = Buffer.alloc(0);

function join(before: Buffer, chunk: Buffer): Buffer {
  return before.length === 0 ? chunk : Buffer.concat([before, chunk]);
}

/** Searches a streamed body for app keys, as `checkNoAppKey` does one in memory; what is found late ends the call. */
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
    const end = bytes.toString('latin1', Math.max(0, bytes.length - maxHeldBytes));
    this.#held = keyStart.exec(end)?.[0].length ?? 0;
    this.#last = Buffer.from(bytes.subarray(-searchedBytes));
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
