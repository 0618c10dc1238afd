import { isIP } from 'node:net';

/** The IP address that a URL's host is, an IPv6 address without its brackets; undefined for a name. */
export function hostAddress(hostname: string): string | undefined {
  const address = hostname.replace(/^\[|\]$/g, '');
  return isIP(address) === 0 ? undefined : address;
}
