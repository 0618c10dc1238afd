import { ServiceError } from '../../shared/errors.ts';
import { matchesPattern } from '../../shared/policy/grant.ts';
import type { ProxyLimits } from './callers.ts';

/** @throws ServiceError grant_denied if the proxy may not obtain tokens of this client and type */
export function checkProxyLimits(
  { clients, types }: ProxyLimits,
  clientId: string,
  tokenType: string,
): void {
  if (allows(clients, clientId) && allows(types, tokenType)) return;
  throw new ServiceError('grant_denied', {
    reason: 'proxy_limited',
    detail: 'The proxy that the app calls through may not obtain tokens of this client and type.',
  });
}

function allows(patterns: readonly string[] | undefined, name: string): boolean {
  return patterns === undefined || patterns.some((pattern) => matchesPattern(pattern, name));
}
