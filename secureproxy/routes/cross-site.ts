import type { IncomingHttpHeaders } from 'node:http';
import { hostAddress } from '../../shared/address/host-address.ts';
import { ServiceError } from '../../shared/errors.ts';

/** Names of `Host`, besides loopback and addresses, that no attacker's name can stand for. */
export type TrustedHosts = ReadonlySet<string>;

/**
 * Rejects calls of other sites' pages in a user's browser. By DNS rebinding a page can have the proxy
 * under a name of its own: `Origin` and `Host` agree then, so `Host` must be trusted.
 * @throws ServiceError request_invalid
 */
export function checkPage(headers: IncomingHttpHeaders, trusted: TrustedHosts): void {
  const { origin, host, 'sec-fetch-site': site } = headers;
  // Not Sec-Fetch-Mode, which Node's `fetch` sends.
  if (origin === undefined && site === undefined && headers['sec-fetch-dest'] === undefined) return;
  // Browsers omit Sec-Fetch-Site over plain http.
  const isForeign = origin !== undefined && URL.parse(origin)?.host !== host;
  if (site === 'cross-site' || site === 'same-site' || isForeign) {
    throw crossSite("Pages of other sites may not call the proxy from a user's browser.");
  }
  if (!isTrusted(host, trusted)) {
    throw crossSite(
      'Pages may call the proxy only at localhost, an address, or a host of TRUSTED_HOSTS.',
    );
  }
}

/**
 * Checks a call without an app key, which a page may have made by DNS rebinding: a plain GET has no
 * `Origin`. @throws ServiceError caller_unauthenticated
 */
export function checkKeylessHost({ host }: IncomingHttpHeaders, trusted: TrustedHosts): void {
  if (isTrusted(host, trusted)) return;
  throw new ServiceError('caller_unauthenticated', {
    reason: 'host_untrusted',
    detail:
      'The request has no app key, which begins with spk_. Without one, calls are taken only at localhost, an address, or a host of TRUSTED_HOSTS.',
  });
}

function crossSite(detail: string): ServiceError {
  return new ServiceError('request_invalid', { reason: 'cross_site', detail });
}

/** No page can have an address or `localhost` for its own name. */
function isTrusted(host: string | undefined, trusted: TrustedHosts): boolean {
  if (host === undefined || !/^[\w.:[\]-]+$/.test(host)) return false;
  const hostname = URL.parse(`http://${host}`)?.hostname ?? '';
  return hostname === 'localhost' || hostAddress(hostname) !== undefined || trusted.has(hostname);
}
