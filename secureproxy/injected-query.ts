import { ServiceError } from '../shared/errors.ts';

/**
 * The judged URL's query with injected parameters behind it.
 * @throws ServiceError request_invalid where the caller set one of them, in any spelling
 */
export function appendQuery(
  { search }: URL,
  injected: readonly (readonly [name: string, value: string])[],
): string {
  if (injected.length === 0) return search;
  // Some servers part parameters at semicolons, too.
  const taken = new Set([...new URLSearchParams(search.replaceAll(';', '&')).keys()].map(readAs));
  const clash = injected.find(([name]) => taken.has(readAs(name)));
  if (clash !== undefined) {
    throw new ServiceError('request_invalid', {
      reason: 'injected_parameter',
      detail: `ApiUri must not have the query parameter ${JSON.stringify(clash[0])}: the proxy adds it.`,
    });
  }
  const added = injected.map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  );
  return `${search === '' ? '?' : `${search}&`}${added.join('&')}`;
}

/**
 * A name as servers may read it: in any case, `name[]` and `name[x]` as members of `name`, cut at
 * a NUL, without spaces before it, and `.` or a space for `_` (PHP's rules are the widest).
 */
function readAs(name: string): string {
  const [read = ''] = name.trim().split(/[[\0]/, 1);
  return read.toLowerCase().replace(/[^0-9a-z]/g, '_');
}
