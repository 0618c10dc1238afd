import { matchesPattern } from '../../shared/policy/grant.ts';
import { allow, refuse, type Verdict } from '../../shared/policy/verdict.ts';
import type { ProxyLimits } from './callers.ts';

/** Judges whether a proxy may obtain tokens of this client and type. @param limits undefined if there is no proxy */
export function judgeProxyLimits(
  { clients, types }: ProxyLimits = {},
  clientId: string,
  tokenType: string,
): Verdict<undefined> {
  if (allows(clients, clientId) && allows(types, tokenType)) return allow(undefined);
  return refuse(
    'grant_denied',
    'proxy_limited',
    'The proxy that the app calls through may not obtain tokens of this client and type.',
  );
}

function allows(patterns: readonly string[] | undefined, name: string): boolean {
  return patterns === undefined || patterns.some((pattern) => matchesPattern(pattern, name));
}
