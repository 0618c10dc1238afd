/**
 * Hop-by-hop headers in lower case (RFC 9110 §7.6.1), including obsolete ones that still occur. Headers
 * named in `Connection` are hop-by-hop, too.
 */
export const hopByHopHeaders = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
] as const;

/** Headers that the sender of each message sets itself, for routing, framing and loop detection. */
export const messageHeaders = ['content-length', 'expect', 'host', 'via'] as const;
