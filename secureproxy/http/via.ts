/** Our name in `Via` and `Proxy-Status` (RFC 9110 §7.6.3, RFC 9209 §2). */
export const proxyName = 'secureproxy';
export const via = `1.1 ${proxyName}`;

/** True where one of the header's proxies is us: the call has come around in a circle. */
export function isLoop(viaHeader: string | readonly string[] | undefined): boolean {
  if (viaHeader === undefined) return false;
  const text = [viaHeader].flat().join(',');
  return text.split(',').some((hop) => hop.trim().split(/\s+/)[1]?.toLowerCase() === proxyName);
}
