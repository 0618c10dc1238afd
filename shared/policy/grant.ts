import type { TokenContext } from '../crypto/token-row.ts';
import type { Grant } from './schema.ts';
import { parseTargetUrl, type TargetUrl } from './url.ts';
import { allow, type Refusal, refuse, type Verdict } from './verdict.ts';

/** Matches a grant's pattern: the exact text, or a prefix with `*` at its end. Nothing is folded: case counts. */
export function matchesPattern(pattern: string, text: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

export function matchingGrants(
  grants: readonly Grant[],
  clientId: string,
  tokenType: string,
): Grant[] {
  return grants.filter(
    (grant) => matchesPattern(grant.client, clientId) && matchesPattern(grant.type, tokenType),
  );
}

const denied = (reason: string, detail: string): Refusal => refuse('grant_denied', reason, detail);

/**
 * The same whether or not the client, the type or a token exists: an app must not learn which.
 * @param asked names them, so that a caller sees when it swapped them
 */
export function noGrant(asked?: TokenContext): Refusal {
  const what =
    asked === undefined
      ? 'this client and token type'
      : `client ${JSON.stringify(asked.clientId)} and token type ${JSON.stringify(asked.tokenType)}`;
  return denied('no_grant', `The app has no grant for ${what}.`);
}

/** Judges a call by grants that match client and type: one of them must allow both method and path. */
export function judgeGrants(
  grants: readonly Grant[],
  method: string,
  url: TargetUrl,
): Verdict<Grant> {
  if (grants.length === 0) return noGrant();
  const byMethod = grants.filter(
    ({ methods }) => methods === undefined || (methods as readonly string[]).includes(method),
  );
  if (byMethod.length === 0) return denied('method', `No grant of the app allows ${method}.`);
  const grant = byMethod.find(
    ({ paths }) => paths === undefined || paths.some((pattern) => matchesPath(pattern, url)),
  );
  return grant ? allow(grant) : denied('path', 'No grant of the app allows this path.');
}

/**
 * Judges the release of a token to a direct app, which gets the token itself. Nobody could enforce limits
 * on methods and paths then, so a grant without them is required.
 */
export function judgeDirectGrants(grants: readonly Grant[]): Verdict<Grant> {
  if (grants.length === 0) return noGrant();
  const grant = grants.find(isUnlimited);
  if (grant) return allow(grant);
  return denied(
    'direct_limited',
    'The grant limits methods or paths, so the token itself is not given out.',
  );
}

export function isUnlimited({ methods, paths }: Grant): boolean {
  return methods === undefined && paths === undefined;
}

function matchesPath(pattern: string, url: TargetUrl): boolean {
  if (url.isAmbiguous) return false;
  const path = pattern.startsWith('/') ? url.pathname : url.origin + url.pathname;
  return matchesPattern(pattern, path);
}

/** Why a path pattern cannot be used, as the end of a sentence; undefined if it can. */
export function pathPatternFault(pattern: string): string | undefined {
  const prefix = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern;
  if (prefix.includes('*')) return 'may have one * only, at its end';
  const absolute = prefix.startsWith('/') ? `https://host.example${prefix}` : prefix;
  const parsed = parseTargetUrl(absolute);
  if (!parsed.allowed || parsed.value.href !== absolute || absolute.includes('?')) {
    return 'is neither a path such as /v1/orders/* nor an origin and a path, spelled as a URL has them';
  }
  // A rule that ends within an escape, such as `/v1/%2*`, would match parts of characters.
  const isCut = prefix !== pattern && /%[0-9a-f]?$/i.test(prefix);
  return parsed.value.isAmbiguous || isCut ? 'could be read in two ways by servers' : undefined;
}
