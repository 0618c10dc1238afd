import { getDomain } from 'tldts';
import { memoize } from '../memoize.ts';
import type { Policy } from './schema.ts';
import { parseTargetUrl, type TargetUrl } from './url.ts';
import { allow, refuse, type Verdict } from './verdict.ts';

/** A parsed destination: an origin whose host may start with `*.`, and an optional path prefix. */
export interface Destination {
  readonly protocol: 'https:' | 'http:';
  /** Lower-case ASCII; without the `*.` of a wildcard. */
  readonly hostname: string;
  readonly wildcard: boolean;
  readonly port: string;
  /** Without its trailing slash; empty where every path is allowed. */
  readonly pathPrefix: string;
}

/**
 * Parses `https://host[:port][/prefix]` or `https://*.domain…`, one label in place of the star.
 * @throws RangeError with a sentence for the operator.
 */
export function parseDestination(text: string): Destination {
  const fault = (what: string) => new RangeError(`destination ${JSON.stringify(text)} ${what}`);
  const wildcard = /^https?:\/\/\*\./.test(text);
  const plain = wildcard ? text.replace('*.', '') : text;
  if (plain.includes('*')) throw fault('may have one * only, as the whole first label of the host');
  if (plain.includes('?')) throw fault('may not have a query');
  const parsed = parseTargetUrl(plain);
  if (!parsed.allowed) throw fault(`is not usable: ${parsed.detail}`);
  const { protocol, hostname, port, pathname, isAmbiguous } = parsed.value;
  const pathPrefix = pathname.replace(/\/$/, '');
  if (isAmbiguous) throw fault('has a path that servers could read in two ways');
  // A wildcard over a public suffix would let the token go to whoever registers a name under it.
  if (wildcard && getDomain(hostname, { allowPrivateDomains: true }) === null) {
    throw fault('has a wildcard over a public suffix or an address');
  }
  return { protocol: protocol as Destination['protocol'], hostname, wildcard, port, pathPrefix };
}

/** True where the URL goes to this destination; the path is compared at `/` boundaries. */
function matches(destination: Destination, url: TargetUrl): boolean {
  const { protocol, hostname, wildcard, port, pathPrefix } = destination;
  if (url.protocol !== protocol || url.port !== port) return false;
  if (wildcard) {
    const label = url.hostname.slice(0, -hostname.length - 1);
    if (label === '' || label.includes('.') || url.hostname !== `${label}.${hostname}`)
      return false;
  } else if (url.hostname !== hostname) {
    return false;
  }
  if (pathPrefix === '') return true;
  if (url.isAmbiguous) return false;
  return url.pathname === pathPrefix || url.pathname.startsWith(`${pathPrefix}/`);
}

/**
 * Judges whether the policy lets a token go to `url` (as {@link parseTargetUrl} gave it); yes comes
 * with the destination that allows it.
 */
export function judgeDestination(
  policy: Pick<Policy, 'destinations' | 'unsafePlaintext'>,
  url: TargetUrl,
): Verdict<string> {
  if (url.protocol === 'http:' && policy.unsafePlaintext !== true) {
    return refuse('destination_denied', 'plaintext', 'Tokens of this type go over https only.');
  }
  const at = destinationsOf(policy.destinations).findIndex((one) => matches(one, url));
  const destination = policy.destinations[at];
  if (destination !== undefined) return allow(destination);
  return refuse(
    'destination_denied',
    'not_listed',
    `No destination of the token type allows ${url.origin} with this path.`,
  );
}

/** Parsed once a policy, since a kept release is judged at every call. */
const destinationsOf = memoize((texts: readonly string[]) => texts.map(parseDestination));
