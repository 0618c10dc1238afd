import type { Clock } from '../../../shared/clock.ts';
import type { FoundDocument } from '../../operations/documents.ts';
import { anonymousApp, hasKeyExpired } from '../../release/callers.ts';
import { type Check, check } from './check.ts';

/** Checks that apps and proxies can call at all; what does not open is another check's finding. */
export function checkCallers(
  apps: readonly FoundDocument<'app'>[],
  proxies: readonly FoundDocument<'proxy'>[],
  clock: Clock,
): Check[] {
  const keyed = apps.filter(({ id }) => id !== anonymousApp);
  return [
    check('keys', 'of apps and proxies', [
      ...keyless('app', keyed, clock),
      ...keyless('proxy', proxies, clock),
    ]),
    check(
      'callers',
      'what they need',
      [...grantless(apps), ...proxyless(apps, proxies)],
      'warning',
    ),
  ];
}

function keyless(
  kind: 'app' | 'proxy',
  callers: readonly FoundDocument<'app' | 'proxy'>[],
  clock: Clock,
): string[] {
  return callers
    .filter(({ content }) => content?.keys.every((key) => hasKeyExpired(key, clock)))
    .map(
      ({ id }) =>
        `the ${kind} ${JSON.stringify(id)} has no key that has not ended: keyserver-admin ${kind} rotate gives it one`,
    );
}

function grantless(apps: readonly FoundDocument<'app'>[]): string[] {
  return apps
    .filter(({ content }) => content?.grants.length === 0)
    .map(({ id }) => `the app ${JSON.stringify(id)} has no grants, so all its calls are refused`);
}

function proxyless(
  apps: readonly FoundDocument<'app'>[],
  proxies: readonly FoundDocument<'proxy'>[],
): string[] {
  const needsProxy = apps.some(({ content }) => content !== undefined && !content.direct);
  return needsProxy && proxies.length === 0
    ? ['there is no proxy, so only direct apps get anywhere: see keyserver-admin proxy create']
    : [];
}
