import { judgeDestination } from '../../shared/policy/destination.ts';
import { originReference } from '../../shared/policy/reference.ts';
import type { Policy } from '../../shared/policy/schema.ts';
import { parseTargetUrl } from '../../shared/policy/url.ts';

/**
 * Returns what makes a marketplace's URL one under `base`, a path of `/forward`: `~host` and the path, if the policy
 * allows the URL, else undefined.
 */
export function forwardedLinks(base: string, policy: Policy): (href: string) => string | undefined {
  return (href) => {
    const hash = href.indexOf('#');
    const whole = hash < 0 ? href : href.slice(0, hash);
    const url = parseTargetUrl(whole);
    if (!url.allowed || !judgeDestination(policy, url.value).allowed) return undefined;
    const host = originReference(policy, url.value);
    if (host === undefined) return undefined;
    const path = href.slice(url.value.origin.length);
    // One slash at the seam is dropped when the link is followed.
    return `${base}/${host}${path.startsWith('//') ? '/' : ''}${path}`;
  };
}
