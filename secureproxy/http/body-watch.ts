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
/** An escaped key is longer; of one that is found in time, only the beginning was sent. */
const searchedBytes = 512;

const nothing = Buffer.alloc(0);

/** Searches a streamed body for app keys, as `checkNoAppKey` does one in memory; what is found late ends the call. */
export class StreamedKeyWatch implements BodyWatch {
  /** The last bytes that came, the held ones included. */
  #last = nothing;
  #held = 0;

  write(chunk: Buffer): Buffer {
    const bytes = this.#last.length === 0 ? chunk : Buffer.concat([this.#last, chunk]);
    if (bodyHoldsKey(bytes)) throw misplacedKey('The body');
    const from = this.#last.length - this.#held;
    const end = bytes.toString('latin1', Math.max(0, bytes.length - maxHeldBytes));
    this.#held = keyStart.exec(end)?.[0].length ?? 0;
    this.#last = Buffer.from(bytes.subarray(-searchedBytes));
    return bytes.subarray(from, bytes.length - this.#held);
  }

  end(): Buffer {
    const rest = this.#last.subarray(this.#last.length - this.#held);
    this.#last = nothing;
    this.#held = 0;
    return rest;
  }
}
