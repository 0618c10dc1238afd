/** Addresses of this machine's loopback (RFC 1122 §3.2.1.3), 127.0.0.1 first; at most 60,000. */
export function upstreamAddresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    i === 0 ? '127.0.0.1' : `127.1.${i >> 8}.${i & 255}`,
  );
}
