import { memoize } from '../memoize.ts';
import { foldedPaths } from './path.ts';
import { PolicyError } from './policy-error.ts';
import type { Policy } from './schema.ts';
import { parseTargetUrl, type TargetUrl } from './url.ts';

/** Grants of OAuth (RFC 6749) that a token endpoint answers: the rest would need the client's secret, or a person. */
export const tokenGrants = ['refresh_token', 'client_credentials'] as const;
export type TokenGrant = (typeof tokenGrants)[number];

type TokenEndpoints = Pick<Policy, 'tokenEndpoints'>;

/** True for a URL at which an SDK gets access tokens, spelled as the policy has it; its query does not count. */
export function isTokenEndpoint({ tokenEndpoints }: TokenEndpoints, url: TargetUrl): boolean {
  return (
    tokenEndpoints !== undefined &&
    tokenEndpointsOf(tokenEndpoints).some(
      ({ origin, pathname }) => origin === url.origin && pathname === url.pathname,
    )
  );
}

/**
 * True for a URL that some server could take for a token endpoint: at its host, whatever scheme and port, a path that
 * is ambiguous, or the same but for case, accents, encoding, empty pieces, or what stands behind a dot at its end.
 */
export function isLikeTokenEndpoint({ tokenEndpoints }: TokenEndpoints, url: TargetUrl): boolean {
  if (tokenEndpoints === undefined) return false;
  const sameHost = tokenEndpointsOf(tokenEndpoints).filter(
    ({ hostname }) => hostname === url.hostname,
  );
  if (sameHost.length === 0) return false;
  if (url.isAmbiguous) return true;
  const paths = loosePaths(url);
  return sameHost.flatMap(loosePaths).some((path) => paths.includes(path));
}

/** Parses `https://host[:port]/path`. @throws PolicyError naming the text */
export function parseTokenEndpoint(text: string): TargetUrl {
  const fault = (what: string) => new PolicyError(`token endpoint ${JSON.stringify(text)} ${what}`);
  const parsed = parseTargetUrl(text);
  if (!parsed.allowed) throw fault(`is not usable: ${parsed.detail}`);
  const { href, pathname, isAmbiguous } = parsed.value;
  if (href !== text || text.includes('?')) throw fault('is not an origin and a path');
  if (pathname === '/') throw fault('has no path, and would stand for a whole host');
  if (isAmbiguous) throw fault('has a path that servers could read in two ways');
  return parsed.value;
}

/** Parsed once per policy. @throws PolicyError for a policy that was never checked */
export const tokenEndpointsOf = memoize((texts: readonly string[]): readonly TargetUrl[] =>
  texts.map(parseTokenEndpoint),
);

/** Memoized, since each call is compared with the endpoints of its type. */
const loosePaths = memoize(({ pathname }: TargetUrl) =>
  foldedPaths(pathname).map((path) =>
    path
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .split('/')
      .filter((piece) => piece !== '')
      .join('/')
      .replace(/\.[^/]*$/, ''),
  ),
);
