import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from '../../shared/errors.ts';
import { memoizeByText } from '../../shared/memoize.ts';

/** Charsets in which letters and digits are other bytes than in ASCII, so that no secret would be found. */
const hiding =
  /^(?:utf-?(?:7|16|32)|unicode|csunicode|(?:iso-10646-)?ucs-?[24]|iso-2022|hz|x?-?ebcdic|(?:ibm|cp)-?0*(?:37|273|27[78]|28[0457]|297|42[04]|500|87[015]|880|905|93[0379]|1026|1047|11[45]\d)\b)/;

/** Matches the charset of a media type, or of an element of `Accept` (RFC 9110 §8.3.2). */
const charsetParameter = /;\s*charset\s*=\s*"?\s*([^\s";,]+)/;

const textual =
  /^\s*(?:text\/|[^;]*(?:json|xml|html|javascript|ecmascript|yaml|csv|form-urlencoded))/;

function isHidden(mediaType: string): boolean {
  const [, charset] = charsetParameter.exec(mediaType.toLowerCase()) ?? [];
  return charset !== undefined && hiding.test(charset);
}

const hidesText = memoizeByText((mediaTypes) => mediaTypes.split(',').some(isHidden));

/** Some servers send two, which arrive as an array. */
export function contentTypeOf(headers: IncomingHttpHeaders): string {
  return String(headers['content-type'] ?? '');
}

export function searchableTypes(accepted: string): string {
  if (!hidesText(accepted)) return accepted;
  const kept = accepted.split(',').filter((element) => !isHidden(element));
  return kept.length === 0 ? '*/*' : kept.join(',');
}

/** @throws ServiceError if an answer's charset hides ASCII, so that it cannot be searched */
export function checkCharset(headers: IncomingHttpHeaders): void {
  if (hidesText(contentTypeOf(headers))) throw unsearchable();
}

export function unsearchable(): ServiceError {
  return new ServiceError('upstream_invalid', {
    reason: 'charset',
    detail: 'The answer cannot be searched for the token: its charset writes ASCII in other bytes.',
  });
}

const sniffedBytes = 64;

/**
 * Looks at the begin of a body for a charset that hides ASCII, whatever its header says: a byte order mark, a
 * NUL in a text, or between the letters of a body without a type.
 */
export class CharsetSniffer {
  readonly #pattern: RegExp | undefined;
  #begin = '';

  constructor(headers: IncomingHttpHeaders) {
    this.#pattern = patternOf(contentTypeOf(headers));
  }

  /** Takes the next bytes; true once they show such a charset. */
  hides(chunk: Buffer): boolean {
    if (this.#pattern === undefined || this.#begin.length >= sniffedBytes) return false;
    this.#begin += chunk.toString('latin1', 0, sniffedBytes - this.#begin.length);
    return this.#pattern.test(this.#begin);
  }
}

/** Marks of UTF-16 in either order and of UTF-7; UTF-32's begin with them, or have a NUL. */
const mark = '^(?:\\xff\\xfe|\\xfe\\xff|\\+/v)';
const inText = new RegExp(`${mark}|\\0`);
const inUntyped = new RegExp(
  `${mark}|^(?:[\\t-~]\\0[\\t-~]\\0|\\0[\\t-~]\\0[\\t-~]|[\\t-~]\\0\\0\\0|\\0\\0\\0[\\t-~])`,
);

function patternOf(contentType: string): RegExp | undefined {
  if (contentType === '') return inUntyped;
  return isText(contentType) ? inText : undefined;
}

const isText = memoizeByText((contentType) => textual.test(contentType.toLowerCase()));
