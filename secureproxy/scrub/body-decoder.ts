import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { ServiceError } from '../../shared/errors.ts';
import type { Coding } from './content-codings.ts';

const options = { chunkSize: 64 * 1024 };

/** Up to this decoded size, any ratio is accepted; genuine larger bodies stay below {@link bombRatio}. */
const bombBytes = 16 * 1024 * 1024;
const bombRatio = 200;

export interface DecoderOutput {
  /** False: write no more until {@link BodyDecoder.resume}. */
  write(bytes: Buffer): boolean;
  end(): void;
  /** {@link BodyDecoder.write} may be called again after it returned false. */
  ready(): void;
  fail(error: ServiceError): void;
}

/** Decodes a body as a stream with back pressure, so that a compression bomb fills no memory. */
export class BodyDecoder {
  readonly #coding: Coding;
  readonly #output: DecoderOutput;
  #stream: ReturnType<typeof createStream> | undefined;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(coding: Coding, output: DecoderOutput) {
    this.#coding = coding;
    this.#output = output;
  }

  write(chunk: Buffer): boolean {
    this.#bytesIn += chunk.length;
    this.#stream ??= this.#open(chunk);
    return this.#stream.write(chunk);
  }

  end(): void {
    // An empty body needs no decoder: servers declare a coding for empty answers too.
    if (this.#stream === undefined) this.#output.end();
    else this.#stream.end();
  }

  resume(): void {
    this.#stream?.resume();
  }

  destroy(): void {
    this.#stream?.destroy();
  }

  #open(first: Buffer): ReturnType<typeof createStream> {
    const stream = createStream(this.#coding, first);
    stream.on('data', (bytes: Buffer) => {
      this.#bytesOut += bytes.length;
      if (this.#bytesOut > bombBytes && this.#bytesOut > bombRatio * this.#bytesIn) {
        stream.destroy();
        this.#output.fail(tooDense());
      } else if (!this.#output.write(bytes)) stream.pause();
    });
    stream.on('end', () => this.#output.end());
    stream.on('drain', () => this.#output.ready());
    stream.on('error', (cause) => this.#output.fail(broken(cause)));
    return stream;
  }
}

function createStream(coding: Coding, first: Buffer) {
  switch (coding) {
    case 'gzip':
      return createGunzip(options);
    case 'br':
      return createBrotliDecompress(options);
    case 'deflate': {
      // RFC 9110 §8.4.1.2 demands zlib's header, but some servers omit it.
      const isWrapped = ((first[0] ?? 0) & 0x0f) === 8;
      return isWrapped ? createInflate(options) : createInflateRaw(options);
    }
  }
}

function broken(cause: Error): ServiceError {
  return new ServiceError('upstream_invalid', {
    reason: 'content_broken',
    proxyError: 'http_response_content_coding',
    detail:
      'The answer cannot be decoded: it does not match its Content-Encoding, or is cut short.',
    cause,
  });
}

function tooDense(): ServiceError {
  return new ServiceError('upstream_invalid', {
    reason: 'content_dense',
    proxyError: 'http_response_content_coding',
    detail: `The answer decodes to more than ${bombRatio} times its size.`,
  });
}
