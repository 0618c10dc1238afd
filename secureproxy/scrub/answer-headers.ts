import type { IncomingHttpHeaders } from 'node:http';

/** Headers that describe the exact bytes of a body, and no longer hold once these change. */
export const byteHeaders = ['content-digest', 'repr-digest', 'digest', 'content-md5', 'etag'];

export function withoutHeaders(
  headers: IncomingHttpHeaders,
  names: readonly string[],
): IncomingHttpHeaders {
  if (!names.some((name) => name in headers)) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}
