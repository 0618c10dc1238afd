import type { OutgoingHttpHeaders } from 'node:http';

type Value = OutgoingHttpHeaders[string];

/**
 * Rewrites the links of an answer to `url`, in place: a caller would resolve relative ones against
 * the proxy. `Location`, `Content-Location` and the targets of `Link` become absolute. A 3xx has its
 * `Location` as `X-Upstream-Location`, since clients that follow redirects take app key and body
 * along. A `Location` or `Content-Location` that does not parse is dropped.
 */
export function absoluteLinks(headers: OutgoingHttpHeaders, status: number, url: string): void {
  const { location, 'content-location': contentLocation, link } = headers;
  if (location !== undefined) {
    delete headers.location;
    const isRedirect = status >= 300 && status < 400;
    set(headers, isRedirect ? 'x-upstream-location' : 'location', location, url);
  }
  if (contentLocation !== undefined) {
    delete headers['content-location'];
    set(headers, 'content-location', contentLocation, url);
  }
  if (link !== undefined) headers.link = [link].flat().map((one) => absoluteTargets(`${one}`, url));
}

function set(headers: OutgoingHttpHeaders, name: string, value: Value, url: string): void {
  // Of several, clients take different ones.
  const [first] = [value].flat();
  const href = absolute(`${first}`, url);
  if (href !== undefined) headers[name] = href;
}

/** Header values are latin1; encoded byte by byte, UTF-8 stays UTF-8. */
function absolute(reference: string, url: string): string | undefined {
  // The parser drops tabs, which would put a token together that the redaction did not see.
  if (reference.includes('\t')) return undefined;
  const ascii = reference.replace(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return URL.parse(ascii, url)?.href;
}

/** Matches a quoted string of a parameter, also one left open, or a target (RFC 8288 §3). */
const linkPart = /"(?:\\.|[^"\\])*(?:"|$)|<([^<>]*)>/g;

function absoluteTargets(value: string, url: string): string {
  return value.replace(linkPart, (part: string, target: string | undefined) =>
    target === undefined ? part : `<${absolute(target, url) ?? target}>`,
  );
}
