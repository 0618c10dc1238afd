import type { FormBody } from '../../shared/policy/routing.ts';
import { readAs } from './request-headers.ts';

/** One media type (RFC 9110 §8.3.1), of which no server could read two. */
const mediaType = /^[^\s/;,]+\/[^\s/;,]+\s*(?:;[^,]*)?$/;
const urlencoded = /^application\/x-www-form-urlencoded(?:\s*;\s*charset=utf-8)?$/i;
/** Longer forms are not read. */
const maxFormBytes = 64 * 1024;

/**
 * The form that a server may read in a body that is sent with these headers, names and values alternating; undefined
 * if no server takes the body for a form. Servers go by the type: PHP by what stands before a comma, Rack takes a
 * body without a type for a form. Only an urlencoded form that all servers read alike is read.
 * @param body undefined for one that is not held
 */
export function formOf(headers: readonly string[], body: Buffer | undefined): FormBody | undefined {
  const valuesOf = (name: string) =>
    headers.filter((_, at) => at % 2 === 1 && readAs(`${headers[at - 1]}`) === name);
  const [type = '', ...others] = valuesOf('content-type');
  const isOne = others.length === 0 && mediaType.test(type);
  if (isOne && !/form|multipart/i.test(type)) return undefined;
  const isRead =
    isOne &&
    urlencoded.test(type) &&
    body !== undefined &&
    body.length <= maxFormBytes &&
    valuesOf('content-encoding').length === 0;
  return { text: isRead ? body.toString() : undefined };
}
