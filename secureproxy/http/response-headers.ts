import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { hopByHopHeaders } from '../../shared/http/header-names.ts';
import { memoizeByText } from '../../shared/memoize.ts';
import { absoluteLinks, type LinkContext } from './absolute-links.ts';
import { namesIn } from './connection-header.ts';
import { proxyStatus } from './proxy-status.ts';
import { via } from './via.ts';

const requestIdHeader = 'x-request-id';

/**
 * Headers that command the caller's browser, or a server between it and the proxy, or that concern
 * only the upstream's connection: docs/threat-model.md, "Headers of answers".
 */
const notReturned = new Set<string>([
  ...hopByHopHeaders,
  'set-cookie',
  'set-cookie2',
  'accept-ch',
  'activate-storage-access',
  'critical-ch',
  'alt-svc',
  'alternate-protocol',
  'clear-site-data',
  'content-security-policy-report-only',
  'expect-ct',
  'nel',
  'observe-browsing-topics',
  'onion-location',
  'public-key-pins',
  'public-key-pins-report-only',
  'refresh',
  'report-to',
  'reporting-endpoints',
  'service-worker-allowed',
  'set-login',
  'shared-storage-write',
  'sourcemap',
  'speculation-rules',
  'strict-transport-security',
  'timing-allow-origin',
  'use-as-dictionary',
  'cache-tag',
  'cdn-tag',
  'x-esi',
  'x-sourcemap',
  'xkey',
  requestIdHeader,
]);
/** The same by prefix or suffix: Envoy's, nginx's and Fly's commands grow in number (RFC 9213 §3 names `…-cache-control`). */
const notReturnedClass =
  /^(?:access-control|ad-auction|attribution-reporting|cf-edge|edge|fly|l5d|netlify|(?:secure|sec)-session|surrogate|x-(?:accel|appengine|body|envoy|istio|lighttpd|litespeed|reproxy|secureproxy|upstream))-|^x-sendfile|-cache-control$/;

/** Memoized, since an upstream's header names recur. */
const isReturned = memoizeByText((name) => !notReturned.has(name) && !notReturnedClass.test(name));

/** Returns the headers that the caller gets for an upstream's answer, with the proxy's own added. */
export function responseHeaders(
  headers: IncomingHttpHeaders,
  status: number,
  linkContext: () => LinkContext,
): OutgoingHttpHeaders {
  const dropped = namesIn(headers.connection);
  const returned: OutgoingHttpHeaders = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === undefined || !isReturned(name) || dropped.has(name)) continue;
    // A name like others, but to set it sets something else.
    if (name === '__proto__') Object.defineProperty(returned, name, { value, enumerable: true });
    else returned[name] = value;
  }
  absoluteLinks(returned, status, linkContext);
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
  // A cache in front knows no app keys, and would answer strangers. First, since a quote that is left open hides the rest.
  const cacheControl = headers['cache-control'];
  returned['cache-control'] = cacheControl === undefined ? 'private' : `private, ${cacheControl}`;
  return returned;
}

/** Appends a member to a list field (RFC 9110 §5.6.1). */
function append(received: string | readonly string[] | undefined, own: string): string {
  return received === undefined ? own : [received, own].flat().join(', ');
}
