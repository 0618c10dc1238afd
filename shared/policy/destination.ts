import { getDomain } from 'tldts';
import { memoize, memoizeByText } from '../memoize.ts';
import { PolicyError } from './policy-error.ts';
import type { Policy } from './schema.ts';
import { isLikeTokenEndpoint, isTokenEndpoint } from './token-endpoint.ts';
import { parseTargetUrl, type TargetUrl } from './url.ts';
import { allow, refuse, type Verdict } from './verdict.ts';

/** A parsed destination: an origin whose host may start with `*.`, and an optional path prefix. */
export interface Destination {
  readonly protocol: 'https:' | 'http:';
  /** Lower-case ASCII; without the `*.` of a wildcard. */
  readonly hostname: string;
  readonly wildcard: boolean;
  readonly port: string;
  /** Without its trailing slash; empty if every path is allowed. */
  readonly pathPrefix: string;
}

/**
 * Parses `https://host[:port][/prefix]` or `https://*.domain…`; the star stands for one label.
 * @throws PolicyError naming the text
 */
export function parseDestination(text: string): Destination {
  const fault = (what: string) => new PolicyError(`destination ${JSON.stringify(text)} ${what}`);
  const wildcard = /^https?:\/\/\*\./.test(text);
  const plain = wildcard ? text.replace('*.', '') : text;
  if (plain.includes('*')) throw fault('may have one * only, as the whole first label of the host');
  if (plain.includes('?')) throw fault('may not have a query');
  const parsed = parseTargetUrl(plain);
  if (!parsed.allowed) throw fault(`is not usable: ${parsed.detail}`);
  const { protocol, hostname, port, pathname, isAmbiguous } = parsed.value;
  const pathPrefix = pathname.replace(/\/$/, '');
  if (isAmbiguous) throw fault('has a path that servers could read in two ways');
  // Anybody can register a name under a public suffix, and a wildcard would let the token go there.
  if (wildcard && getDomain(hostname, { allowPrivateDomains: true }) === null) {
    throw fault('has a wildcard over a public suffix or an address');
  }
  return { protocol: protocol as Destination['protocol'], hostname, wildcard, port, pathPrefix };
}

/** Whether a host is one label below a domain. */
export function isUnder(hostname: string, domain: string): boolean {
  const label = hostname.slice(0, -domain.length - 1);
  return label !== '' && !label.includes('.') && hostname === `${label}.${domain}`;
}

/** True for a URL that goes to this destination; paths are compared at `/` boundaries. */
function matches(destination: Destination, url: TargetUrl): boolean {
  const { protocol, hostname, wildcard, port, pathPrefix } = destination;
  if (url.protocol !== protocol || url.port !== port) return false;
  if (wildcard ? !isUnder(url.hostname, hostname) : url.hostname !== hostname) return false;
  if (pathPrefix === '') return true;
  if (url.isAmbiguous) return false;
  return url.pathname === pathPrefix || url.pathname.startsWith(`${pathPrefix}/`);
}

export type Destinations = Pick<
  Policy,
  'destinations' | 'plainDestinations' | 'unsafePlaintext' | 'tokenEndpoints'
>;

export interface Destined {
  /** The destination that allows it, as the policy has it. */
  readonly destination: string;
  readonly isPlain: boolean;
  /** True if it goes nowhere: the proxy answers it as a token endpoint. */
  readonly isTokenEndpoint: boolean;
}

/**
 * Judges whether the policy allows a call to go to `url`, the result of {@link parseTargetUrl}.
 * @throws PolicyError for a policy that was never checked
 */
export function judgeDestination(policy: Destinations, url: TargetUrl): Verdict<Destined> {
  if (isTokenEndpoint(policy, url)) {
    return allow({ destination: url.origin + url.pathname, isPlain: true, isTokenEndpoint: true });
  }
  if (isLikeTokenEndpoint(policy, url)) {
    return refuse(
      'destination_denied',
      'token_endpoint_spelling',
      'Servers could take the URL for a token endpoint of the type, which no call may reach: spell it as the type does.',
    );
  }
  if (url.protocol === 'http:' && policy.unsafePlaintext !== true) {
    return refuse('destination_denied', 'plaintext', 'Tokens of this type go over https only.');
  }
  const destination = find(policy.destinations, url);
  if (destination !== undefined) {
    return allow({ destination, isPlain: false, isTokenEndpoint: false });
  }
  const plain = policy.plainDestinations && find(policy.plainDestinations, url);
  if (plain !== undefined) {
    return allow({ destination: plain, isPlain: true, isTokenEndpoint: false });
  }
  return refuse(
    'destination_denied',
    'not_listed',
    `No destination of the token type allows ${url.origin} with this path.`,
  );
}

function find(destinations: readonly string[], url: TargetUrl): string | undefined {
  return destinations[destinationsOf(destinations).findIndex((one) => matches(one, url))];
}

/**
 * The host of a wildcard destination as the policy has it, `*.example.com`; undefined for any other. It stands for
 * all hosts that callers may choose under it.
 */
export function wildcardHost(destination: string): string | undefined {
  return destination.includes('*') ? wildcardHostOf(destination) : undefined;
}

const wildcardHostOf = memoizeByText((text) => `*.${parseDestination(text).hostname}`);

/** Parsed once per policy, since a cached release is judged on every call. */
export const destinationsOf = memoize((texts: readonly string[]) => texts.map(parseDestination));
