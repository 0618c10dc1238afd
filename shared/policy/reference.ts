import { type Destination, type Destinations, destinationsOf } from './destination.ts';
import { tokenEndpointsOf } from './token-endpoint.ts';
import type { TargetUrl } from './url.ts';
import { allow, refuse, type Verdict } from './verdict.ts';

/**
 * True for a URL whose origin the policy gives: `/path?query` goes to the first destination, `~host[:port]/path?query`
 * to another one, or to a token endpoint (docs/protocol.md §8).
 */
export function isReference(url: string): boolean {
  return url.startsWith('/') || url.startsWith('~');
}

/**
 * Makes the whole URL of a reference, which is then judged like any other. A wildcard gives no origin, since callers
 * could choose the host.
 * @throws PolicyError for a policy that was never checked
 */
export function resolveReference(
  { destinations, plainDestinations = [], tokenEndpoints = [] }: Destinations,
  reference: string,
): Verdict<string> {
  const parsed = destinationsOf(destinations);
  if (!reference.startsWith('~')) {
    const [first] = parsed;
    if (first !== undefined && !first.wildcard) return allow(originOf(first) + reference);
    return refuse(
      'destination_denied',
      'first_wildcard',
      'The first destination of the token type is a wildcard; another one is called at ~host.',
    );
  }
  const end = /[/?]|$/.exec(reference)?.index ?? reference.length;
  const host = reference.slice(1, end).toLowerCase();
  const all = [...parsed, ...destinationsOf(plainDestinations)];
  const named = all.find((one) => !one.wildcard && hostOf(one) === host);
  if (named !== undefined) return allow(originOf(named) + reference.slice(end));
  const endpoint = tokenEndpointsOf(tokenEndpoints).find((one) => hostOf(one) === host);
  if (endpoint !== undefined) return allow(endpoint.origin + reference.slice(end));
  return refuse(
    'destination_denied',
    'host_not_listed',
    'No destination of the token type has the host behind ~; a wildcard counts for none.',
  );
}

/** `~host` for the origin of a URL; undefined if that names no origin, or another one. */
export function originReference(
  policy: Destinations,
  { origin, hostname, port }: TargetUrl,
): string | undefined {
  const host = `~${hostOf({ hostname, port })}`;
  const resolved = resolveReference(policy, host);
  return resolved.allowed && resolved.value === origin ? host : undefined;
}

function hostOf({ hostname, port }: Pick<Destination, 'hostname' | 'port'>): string {
  return port === '' ? hostname : `${hostname}:${port}`;
}

function originOf(destination: Destination): string {
  return `${destination.protocol}//${hostOf(destination)}`;
}
