/** The proxy's name in `Via` and `Proxy-Status` (RFC 9110 §7.6.3, RFC 9209 §2). */
export const proxyName = 'secureproxy';
export const via = `1.1 ${proxyName}`;

/** True if `Via` lists this proxy: the call has come around in a loop. */
export function isLoop(viaHeader: string | readonly string[] | undefined): boolean {
  if (viaHeader === undefined) return false;
  const text = [viaHeader].flat().join(',');
  return text.split(',').some((hop) => hop.trim().split(/\s+/)[1]?.toLowerCase() === proxyName);
}
