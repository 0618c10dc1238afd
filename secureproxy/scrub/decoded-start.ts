import type { IncomingHttpHeaders } from 'node:http';
import { brotliDecompressSync, constants, inflateRawSync, unzipSync } from 'node:zlib';
import { type Coding, codingOf } from './content-codings.ts';

/** No genuine start of a few KiB decodes to more; a few hundred bytes of a bomb do to all memory. */
const maxOutputLength = 256 * 1024;
const asFarAsItGoes = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength };

/**
 * Decodes the start of a body, as far as its bytes tell; what does not match its coding stays as it is. Undefined for a
 * bomb.
 */
export function decodedStart(bytes: Buffer, headers: IncomingHttpHeaders): Buffer | undefined {
  try {
    return decode(bytes, codingOf(headers));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? undefined : bytes;
  }
}

function decode(bytes: Buffer, coding: Coding | undefined): Buffer {
  switch (coding) {
    case undefined:
      return bytes;
    case 'br':
      return brotliDecompressSync(bytes, {
        finishFlush: constants.BROTLI_OPERATION_FLUSH,
        maxOutputLength,
      });
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
