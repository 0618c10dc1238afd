import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { isShort } from '../../shared/http/early-answer.ts';
import type { StreamedKeyWatch } from '../http/body-watch.ts';
import { SentChunks } from '../receipt/sent-chunks.ts';

/**
 * A body that is read from the caller's connection as fast as the upstream takes it, and never held. It can be opened
 * again until it has begun; afterwards the request cannot be repeated.
 */
export class StreamedBody {
  readonly #source: IncomingMessage;
  readonly #watch: StreamedKeyWatch;
  #begin = () => {};
  #isBegun = false;
  /** Its size in bytes, if the caller told it. */
  readonly announced: number | undefined;
  /** Number of bytes read so far. */
  length = 0;
  /** To be told of each chunk that a connection was given. */
  readonly sent = new SentChunks();

  constructor(source: IncomingMessage, watch: StreamedKeyWatch) {
    this.#source = source;
    this.#watch = watch;
    const length = source.headers['content-length'];
    this.announced = length === undefined ? undefined : Number(length);
  }

  /** Lets what was opened last read: only once the request may start, since undici looks into it before that. */
  begin(): void {
    this.#begin();
  }

  /** @returns what undici reads; it may be destroyed without harm to the caller's connection */
  open(): Readable {
    const source = this.#source;
    const watch = this.#watch;
    const opened = new Readable({
      // Chunks that wait grow old, and are then collected at a higher cost.
      highWaterMark: 1,
      read: () => {
        if (this.#isBegun) source.resume();
      },
      destroy: (error, done) => {
        if (!this.#isBegun) return done(error);
        source.off('data', onData).off('end', onEnd);
        // A short rest is read, which keeps the connection; what becomes of a long one is up to its answer.
        if (isShort(source)) source.resume();
        else source.pause();
        done(error);
      },
    });
    const pass = (bytes: Buffer) => bytes.length === 0 || opened.push(bytes);
    const attempt = (step: () => void) => {
      try {
        step();
      } catch (error) {
        opened.destroy(error as Error);
      }
    };
    const onData = (chunk: Buffer) =>
      attempt(() => {
        this.length += chunk.length;
        if (!pass(watch.write(chunk))) source.pause();
      });
    const onEnd = () =>
      attempt(() => {
        pass(watch.end());
        opened.push(null);
      });
    // The end of the call reports what went wrong, also when undici no longer listens.
    opened.on('error', () => {});
    const begin = () => {
      this.#isBegun = true;
      source.on('data', onData).on('end', onEnd);
      source.resume();
    };
    this.#begin = begin;
    return opened;
  }
}
