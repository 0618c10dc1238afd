import { write, writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';

const batchMs = 10;
/** A reader that has no room for more is asked again after so long, and so often as the process exits. */
const retryMs = 20;
const exitRetries = 100;
/** In UTF-8, of a UTF-16 code unit. */
const maxCharacterBytes = 3;

/**
 * Writes lines in order, in batches of up to `maxBytes`, from 10 ms after the first line on: waking the reader of the
 * output costs more than making a line. A longer line is a batch by itself. {@link LineBatches.flush} saves the lines
 * of a process that exits. sonic-boom, which pino has for this, never lets a process exit whose reader is gone.
 */
export class LineBatches implements DestinationStream {
  readonly #fd: number;
  readonly #batch: Buffer;
  #used = 0;
  /** Complete ones, the oldest first. */
  #waiting: Buffer[] = [];
  /** The oldest is with another thread. */
  #isWriting = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(fd: number, maxBytes: number) {
    this.#fd = fd;
    this.#batch = Buffer.allocUnsafeSlow(maxBytes);
  }

  write(line: string): void {
    this.#timer ??= setTimeout(this.#send, batchMs);
    const room = this.#batch.length - this.#used;
    // Mostly there is room for the line, however many bytes its characters take.
    if (line.length * maxCharacterBytes > room) {
      const bytes = Buffer.byteLength(line);
      if (bytes > room) this.#complete();
      if (bytes > this.#batch.length) {
        this.#waiting.push(Buffer.from(line));
        return;
      }
    }
    this.#used += this.#batch.write(line, this.#used);
  }

  /** Writes what is left, without a callback, since no further one is called. A reader that is gone gets nothing. */
  flush(): void {
    this.#complete();
    // Mostly the other thread is done by then, as it should be first.
    if (this.#isWriting) pause();
    let retries = exitRetries;
    for (let lines of this.#waiting.splice(this.#isWriting ? 1 : 0)) {
      while (lines.length > 0) {
        try {
          lines = lines.subarray(writeSync(this.#fd, lines));
        } catch (error) {
          if (!hasNoRoom(error) || retries === 0) return;
          retries -= 1;
          pause();
        }
      }
    }
  }

  #complete(): void {
    if (this.#used > 0) this.#waiting.push(Buffer.from(this.#batch.subarray(0, this.#used)));
    this.#used = 0;
  }

  readonly #send = () => {
    this.#timer = undefined;
    this.#complete();
    this.#next();
  };

  readonly #next = () => {
    const [lines] = this.#waiting;
    if (this.#isWriting || lines === undefined) return;
    this.#isWriting = true;
    write(this.#fd, lines, (error, written) => {
      this.#isWriting = false;
      if (hasNoRoom(error)) {
        setTimeout(this.#next, retryMs);
        return;
      }
      if (error?.code === 'EPIPE') this.#waiting = [];
      else if (error) throw error;
      else if (written < lines.length) this.#waiting[0] = lines.subarray(written);
      else this.#waiting.shift();
      this.#next();
    });
  };
}

/** Stops the process. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
}

function hasNoRoom(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'EAGAIN';
}
