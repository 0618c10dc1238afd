import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { hopByHopHeaders } from '../../shared/http/header-names.ts';
import { connectionNamed } from './connection-header.ts';
import { proxyStatus } from './proxy-status.ts';
import { via } from './via.ts';

const requestIdHeader = 'x-request-id';

/** Headers that would instruct the caller's browser, or that concern only the upstream's connection. */
const notReturned = new Set<string>([
  ...hopByHopHeaders,
  'set-cookie',
  'set-cookie2',
  'accept-ch',
  'alt-svc',
  'nel',
  'public-key-pins',
  'report-to',
  'strict-transport-security',
  'clear-site-data',
  'service-worker-allowed',
  requestIdHeader,
]);
const corsPrefix = 'access-control-';

/**
 * Returns the upstream's headers that the caller gets, with the proxy's own added. `status` is the
 * upstream's.
 */
export function responseHeaders(headers: IncomingHttpHeaders, status: number): OutgoingHttpHeaders {
  const dropped = connectionNamed(headers);
  const returned: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (
      value === undefined ||
      notReturned.has(name) ||
      name.startsWith(corsPrefix) ||
      dropped.has(name)
    )
      continue;
    returned[name] = value;
  }
  // The caller's `X-Request-Id` is the proxy's, but the marketplace's support asks for its own.
  const upstreamId = headers[requestIdHeader];
  if (upstreamId !== undefined && !dropped.has(requestIdHeader)) {
    returned['x-upstream-request-id'] = upstreamId;
  }
  returned.via = append(headers.via, via);
  returned['proxy-status'] = proxyStatus(headers['proxy-status'], status);
  // A marketplace's page must not run in the proxy's origin.
  returned['content-security-policy'] = append(headers['content-security-policy'], 'sandbox');
  returned['x-content-type-options'] = 'nosniff';
  return returned;
}

/** Appends a member to a list field (RFC 9110 §5.6.1). */
function append(received: string | readonly string[] | undefined, own: string): string {
  return received === undefined ? own : [received, own].flat().join(', ');
}
