/**
 * Headers that mean one connection only, in lower case (RFC 9110 §7.6.1), with the older ones that
 * still occur. What a `Connection` header names is of one hop, too.
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

/** Headers that the sender of a message sets itself: routing, framing and loop detection. */
export const messageHeaders = ['content-length', 'expect', 'host', 'via'] as const;
