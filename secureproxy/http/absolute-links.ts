import type { OutgoingHttpHeaders } from 'node:http';

type Value = OutgoingHttpHeaders[string];

/** The URL of the call, and a judge of what the parser makes of a link: whether it has a secret. */
export interface LinkContext {
  readonly url: string;
  readonly hasSecret: (href: string) => boolean;
  /** Makes an absolute link one of the caller's own server; undefined for a link that leads elsewhere. */
  readonly forwarded?: (href: string) => string | undefined;
}

/**
 * Rewrites the links of an answer, in place: a caller would resolve relative ones against the
 * proxy. `Location`, `Content-Location` and the targets of `Link` become absolute. A 3xx has its
 * `Location` as `X-Upstream-Location`, since clients that follow redirects take app key and body
 * along. If answers are those of a server under a path of the proxy, links of its own are rewritten instead. A `Location` or `Content-Location` that does not parse, or would have a secret, is dropped,
 * and so is a `Link` with too many targets, or too long ones.
 */
export function absoluteLinks(
  headers: OutgoingHttpHeaders,
  status: number,
  context: LinkContext,
): void {
  const { location, 'content-location': contentLocation, link } = headers;
  if (location !== undefined) {
    delete headers.location;
    const isRedirect = status >= 300 && status < 400;
    if (context.forwarded === undefined)
      set(headers, isRedirect ? 'x-upstream-location' : 'location', location, context);
    else setForwarded(headers, location, context, context.forwarded);
  }
  if (contentLocation !== undefined) {
    delete headers['content-location'];
    set(headers, 'content-location', contentLocation, context);
  }
  if (link !== undefined) {
    const links = absoluteTargets([link].flat(), context);
    if (links === undefined) delete headers.link;
    else headers.link = links;
  }
}

function set(headers: OutgoingHttpHeaders, name: string, value: Value, context: LinkContext) {
  // Of several, clients take different ones.
  const [first] = [value].flat();
  const href = absolute(`${first}`, context);
  if (href !== undefined) headers[name] = href;
}

function setForwarded(
  headers: OutgoingHttpHeaders,
  value: Value,
  context: LinkContext,
  forwarded: (href: string) => string | undefined,
) {
  const href = absolute(`${[value].flat()[0]}`, context);
  if (href === undefined) return;
  const own = forwarded(href);
  headers[own === undefined ? 'x-upstream-location' : 'location'] = own ?? href;
}

/** Header values are latin1; encoded byte by byte, UTF-8 stays UTF-8. */
function absolute(reference: string, { url, hasSecret }: LinkContext): string | undefined {
  // The parser would put together what redaction saw in parts: it drops tabs and dot segments, and decodes hosts.
  if (reference.includes('\t')) return undefined;
  const ascii = reference.replace(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const href = URL.parse(ascii, url)?.href;
  return href === undefined || hasSecret(href) ? undefined : href;
}

/** Matches a quoted string of a parameter, also one left open, or a target (RFC 8288 §3). */
const linkPart = /"(?:\\.|[^"\\])*(?:"|$)|<([^<>]*)>/g;

/** A relative target of one byte becomes as long as the call's URL. */
const maxTargets = 100;
const maxTargetsLength = 64 * 1024;

/** Undefined if there are more targets, or longer ones, than are resolved. */
function absoluteTargets(values: readonly string[], context: LinkContext): string[] | undefined {
  let [count, length] = [0, 0];
  const mayResolve = () => count <= maxTargets && length <= maxTargetsLength;
  const resolved = values.map((value) =>
    value.replace(linkPart, (part: string, target: string | undefined) => {
      if (target === undefined) return part;
      count++;
      if (!mayResolve()) return part;
      const whole = absolute(target, context) ?? target;
      const href = context.forwarded?.(whole) ?? whole;
      length += href.length;
      return `<${href}>`;
    }),
  );
  return mayResolve() ? resolved : undefined;
}
