import type { Clock } from '../../../shared/clock.ts';
import { check } from '../../../shared/doctor/check.ts';
import { anonymousApp, hasKeyExpired } from '../../release/callers.ts';
import type { CallerKind } from '../callers.ts';
import { bindingFault } from '../changes/binding.ts';
import type { FoundDocument } from '../documents.ts';
import type { Check, Finding } from './check.ts';

/** Checks that apps and proxies can call at all; another check reports those that do not open. */
export function checkCallers(
  apps: readonly FoundDocument<'app'>[],
  proxies: readonly FoundDocument<'proxy'>[],
  clock: Clock,
  uses: ReadonlyMap<string, string>,
): Check[] {
  const callers: Caller[] = [
    ...apps
      .filter(({ id }) => id !== anonymousApp)
      .map((app) => ({ kind: 'app' as const, ...app })),
    ...proxies.map((proxy) => ({ kind: 'proxy' as const, ...proxy })),
  ];
  const overlaps = callers.flatMap((caller) => overlapping(caller, clock, uses));
  return [
    check(
      'keys',
      'of apps and proxies',
      callers.flatMap((caller) => keyless(caller, clock)),
    ),
    check('old keys', 'in the overlap of a rotation', overlaps, 'warning'),
    check(
      'callers',
      'what they need',
      [...grantless(apps), ...strayBindings(apps), ...proxyless(apps, proxies)],
      'warning',
    ),
  ];
}

type Caller = FoundDocument<CallerKind> & { readonly kind: CallerKind };

function keyless({ kind, id, content }: Caller, clock: Clock): Finding[] {
  if (!content?.keys.every((key) => hasKeyExpired(key, clock))) return [];
  const name = `the ${kind} ${JSON.stringify(id)}`;
  const problem =
    content.keys.length === 0 ? `${name} has no key` : `all keys of ${name} have expired`;
  return [{ problem, suggestion: { do: 'rotate', kind, id } }];
}

function overlapping(
  { kind, id, content }: Caller,
  clock: Clock,
  uses: ReadonlyMap<string, string>,
): Finding[] {
  return (content?.keys ?? [])
    .filter((key) => key.expiresAt !== undefined && !hasKeyExpired(key, clock))
    .map(({ hash, expiresAt }) => ({
      problem: `an old key of the ${kind} ${JSON.stringify(id)} works until ${expiresAt}, ${lastUse(uses.get(hash))}`,
      suggestion: { do: 'end_overlap', kind, id },
    }));
}

function lastUse(day: string | undefined): string {
  return day === undefined ? 'and no use of it is known' : `and was last used on ${day}`;
}

function grantless(apps: readonly FoundDocument<'app'>[]): string[] {
  return apps
    .filter(({ content }) => content?.grants.length === 0)
    .map(({ id }) => `the app ${JSON.stringify(id)} has no grants, so all its calls are rejected`);
}

function strayBindings(apps: readonly FoundDocument<'app'>[]): Finding[] {
  return apps.flatMap(({ id, content }) => {
    // Another finding says that it has no grants at all.
    const problem = content?.grants.length ? bindingFault(id, content) : undefined;
    if (content?.bound === undefined || problem === undefined) return [];
    const { clientId: client, tokenType: type } = content.bound;
    return [{ problem, suggestion: { do: 'add_grant', app: id, client, type } }];
  });
}

function proxyless(
  apps: readonly FoundDocument<'app'>[],
  proxies: readonly FoundDocument<'proxy'>[],
): Finding[] {
  const needsProxy = apps.some(({ content }) => content !== undefined && !content.direct);
  if (!needsProxy || proxies.length > 0) return [];
  const problem = 'there is no proxy, so only direct apps can call';
  return [{ problem, suggestion: { do: 'create_proxy' } }];
}
