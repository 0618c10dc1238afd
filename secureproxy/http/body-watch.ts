import { begunKeyLength, holdsKey, misplacedKey } from './key-watch.ts';

/** The longest spelling of an app key that is found: one whose letters are each escaped four times is not longer. */
const searchedBytes = 512;

const nothing = Buffer.alloc(0);

/**
 * Searches a streamed body for app keys, as `checkNoAppKey` does one in memory. The beginning of a key is held back, so
 * that nothing of a key was sent when it is found.
 */
export class StreamedKeyWatch {
  /** The end of what came, if it may be the beginning of a key. */
  #held: Buffer = nothing;

  /** Returns the bytes that may be sent now. @throws ServiceError request_invalid, which ends the call */
  write(chunk: Buffer): Buffer {
    // Seldom a copy, since few chunks follow such an end.
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    if (holdsKey(bytes)) throw misplacedKey('The body');
    const end = bytes.toString('latin1', Math.max(0, bytes.length - searchedBytes));
    const passed = bytes.length - begunKeyLength(end);
    // Copied, since a view would keep its whole piece in memory.
    this.#held = Buffer.from(bytes.subarray(passed));
    return bytes.subarray(0, passed);
  }

  /** Returns the remaining bytes. */
  end(): Buffer {
    const rest = this.#held;
    this.#held = nothing;
    return rest;
  }
}
