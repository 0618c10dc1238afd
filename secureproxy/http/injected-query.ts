import { ServiceError } from '../../shared/errors.ts';
import type { TargetUrl } from '../../shared/policy/url.ts';

/**
 * Rejects a URL that already has an injected parameter, in any spelling.
 * @throws ServiceError request_invalid
 */
export function checkQuery(
  { search }: Pick<TargetUrl, 'search'>,
  injected: readonly string[],
): void {
  if (injected.length === 0) return;
  // Some servers separate parameters at semicolons, too.
  const taken = new Set([...new URLSearchParams(search.replaceAll(';', '&')).keys()].map(readAs));
  const clash = injected.find((name) => taken.has(readAs(name)));
  if (clash === undefined) return;
  throw new ServiceError('request_invalid', {
    reason: 'injected_parameter',
    detail: `ApiUri must not have the query parameter ${JSON.stringify(clash)}: the proxy adds it.`,
  });
}

/** Path and query of a URL that passed {@link checkQuery}, with the injected parameters appended. */
export function pathOf(
  { href, origin, pathname, search }: Pick<TargetUrl, 'href' | 'origin' | 'pathname' | 'search'>,
  injected: readonly (readonly [name: string, value: string])[],
): string {
  // An empty query keeps its question mark.
  if (injected.length === 0) return href.slice(origin.length);
  const added = injected.map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  );
  return `${pathname}${search === '' ? '?' : `${search}&`}${added.join('&')}`;
}

/**
 * A name as servers may read it; PHP's rules are the widest. Case and spaces around it do not count,
 * `name[]` and `name[x]` are members of `name`, a NUL ends it, and `.` or a space reads as `_`.
 */
function readAs(name: string): string {
  const [read = ''] = name.trim().split(/[[\0]/, 1);
  return read.toLowerCase().replace(/[^0-9a-z]/g, '_');
}
