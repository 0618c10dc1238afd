import { ServiceError } from '../../shared/errors.ts';
import { foldName, parameterNames } from '../../shared/policy/parameters/names.ts';
import type { TargetUrl } from '../../shared/policy/url.ts';

/** Rejects a URL that already has an injected parameter, in any spelling. @throws ServiceError request_invalid */
export function checkQuery(
  { search }: Pick<TargetUrl, 'search'>,
  injected: readonly string[],
): void {
  if (injected.length === 0) return;
  const taken = new Set(parameterNames(search.slice(1)));
  const clash = injected.find((name) => taken.has(foldName(name)));
  if (clash === undefined) return;
  throw new ServiceError('request_invalid', {
    reason: 'injected_parameter',
    detail: `The URL must not have the query parameter ${JSON.stringify(clash)}: the proxy adds it.`,
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
