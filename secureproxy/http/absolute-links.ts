import type { OutgoingHttpHeaders } from 'node:http';

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
 * along. If answers are those of a server under a path of the proxy, links of its own are rewritten instead. A
 * `Location` or `Content-Location` that does not parse, or would have a secret, is dropped, and so is a `Link` with too
 * many targets, or too long ones.
 */
export function absoluteLinks(
  headers: OutgoingHttpHeaders,
  status: number,
  contextOf: () => LinkContext,
): void {
  const { location, 'content-location': contentLocation, link } = headers;
  if (location === undefined && contentLocation === undefined && link === undefined) return;
  const context = contextOf();
  if (location !== undefined) {
    delete headers.location;
    const href = first(location, context);
    const own = href && context.forwarded?.(href);
    const isRedirect = status >= 300 && status < 400;
    const isKept = context.forwarded === undefined ? !isRedirect : own !== undefined;
    if (href !== undefined) headers[isKept ? 'location' : 'x-upstream-location'] = own ?? href;
  }
  if (contentLocation !== undefined) {
    delete headers['content-location'];
    const href = first(contentLocation, context);
    if (href !== undefined) headers['content-location'] = href;
  }
  if (link !== undefined) {
    const links = absoluteTargets([link].flat(), context);
    if (links === undefined) delete headers.link;
    else headers.link = links;
  }
}

/** Of several, clients take different ones. */
function first(links: OutgoingHttpHeaders[string], context: LinkContext): string | undefined {
  return absolute(`${[links].flat()[0]}`, context);
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
