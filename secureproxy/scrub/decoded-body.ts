import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { ServiceError } from '../../shared/errors.ts';
import type { Coding } from './content-codings.ts';
import { isWrapped } from './decoded-start.ts';
import { type FilteredAnswer, StreamedBody } from './streamed-body.ts';

const options = { chunkSize: 64 * 1024 };

/** Up to this decoded size, any ratio is accepted; genuine larger bodies stay below {@link bombRatio}. */
const bombBytes = 16 * 1024 * 1024;
const bombRatio = 200;

/**
 * A body that is decoded as a stream with back pressure, so that a compression bomb fills no memory, and then filtered.
 * The head waits for the first decoded bytes, so that a body that is broken from its start can still be answered with
 * an error.
 */
export class DecodedBody extends StreamedBody {
  readonly #coding: Coding;
  #decoder: ReturnType<typeof createDecoder> | undefined;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(answer: FilteredAnswer, coding: Coding) {
    super(answer);
    this.#coding = coding;
  }

  override write(chunk: Buffer): boolean {
    this.#bytesIn += chunk.length;
    this.#decoder ??= this.#open(chunk);
    return this.#decoder.write(chunk);
  }

  override end(): void {
    // An empty body needs no decoder: servers declare a coding for empty answers too.
    if (this.#decoder === undefined) super.end();
    else this.#decoder.end();
  }

  override drained(): void {
    this.#decoder?.resume();
  }

  override destroy(): void {
    this.#decoder?.destroy();
  }

  #open(first: Buffer): ReturnType<typeof createDecoder> {
    const { output } = this.answer;
    const decoder = createDecoder(this.#coding, first);
    decoder.on('data', (bytes: Buffer) => {
      this.#bytesOut += bytes.length;
      if (this.#bytesOut > bombBytes && this.#bytesOut > bombRatio * this.#bytesIn) {
        decoder.destroy();
        output.fail(
          undecodable(
            'content_dense',
            `The answer decodes to more than ${bombRatio} times its size.`,
          ),
        );
      } else if (!super.write(bytes)) decoder.pause();
    });
    decoder.on('end', () => super.end());
    decoder.on('drain', () => output.ready());
    decoder.on('error', (cause) =>
      output.fail(
        undecodable(
          'content_broken',
          'The answer cannot be decoded: it does not match its Content-Encoding, or is cut short.',
          cause,
        ),
      ),
    );
    return decoder;
  }
}

function createDecoder(coding: Coding, first: Buffer) {
  switch (coding) {
    case 'gzip':
      return createGunzip(options);
    case 'br':
      return createBrotliDecompress(options);
    case 'deflate':
      return isWrapped(first) ? createInflate(options) : createInflateRaw(options);
  }
}

function undecodable(reason: string, detail: string, cause?: Error): ServiceError {
  const proxyError = 'http_response_content_coding';
  return new ServiceError('upstream_invalid', { reason, proxyError, detail, cause });
}
