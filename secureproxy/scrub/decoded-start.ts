import type { IncomingHttpHeaders } from 'node:http';
import { brotliDecompressSync, constants, inflateRawSync, unzipSync } from 'node:zlib';
import { type Coding, codingOf } from './content-codings.ts';

const asFarAsItGoes = { finishFlush: constants.Z_SYNC_FLUSH };

/** Decodes the start of a body, as far as its bytes tell; what does not match its coding stays as it is. */
export function decodedStart(bytes: Buffer, headers: IncomingHttpHeaders): Buffer {
  try {
    return decode(bytes, codingOf(headers));
  } catch {
    return bytes;
  }
}

function decode(bytes: Buffer, coding: Coding | undefined): Buffer {
  switch (coding) {
    case undefined:
      return bytes;
    case 'br':
      return brotliDecompressSync(bytes, { finishFlush: constants.BROTLI_OPERATION_FLUSH });
    case 'gzip':
      return unzipSync(bytes, asFarAsItGoes);
    case 'deflate':
      return isWrapped(bytes)
        ? unzipSync(bytes, asFarAsItGoes)
        : inflateRawSync(bytes, asFarAsItGoes);
  }
}

/** RFC 9110 §8.4.1.2 demands zlib's header of `deflate`, but some servers omit it. */
export function isWrapped([first = 0]: Buffer): boolean {
  return (first & 0x0f) === 8;
}
