import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { ServiceError } from '../../shared/errors.ts';
import { hopByHopHeaders, messageHeaders } from '../../shared/http/header-names.ts';
import { memoize, memoizeByText } from '../../shared/memoize.ts';
import { proxyStatus } from './proxy-status.ts';
import { via } from './via.ts';

const requestIdHeader = 'x-request-id';

/** What a caller may not send upstream: its own credentials, hop headers, framing, and overrides of method or URL. */
const notSent = new Set<string>([
  ...hopByHopHeaders,
  ...messageHeaders,
  'authorization',
  'cookie',
  'forwarded',
  // CGI programs would take it for the proxy to use (CVE-2016-5385).
  'proxy',
  'cf-connecting-ip',
  'client-ip',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-real-ip',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
  'x-original-method',
  'x-original-host',
  'x-override-url',
  'x-host',
  'x-forwarded',
]);
const notSentPrefix = /^(?:proxy|x-forwarded|x-original-forwarded)-/;

/** What an upstream may not say to the caller's browser or about our connection. */
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

const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// Field values (RFC 9110 §5.5) in visible ASCII, space and tab.
const valuePattern = /^[\t\x20-\x7e]*$/;

export type CallerHeaders = Readonly<Record<string, string | readonly string[]>>;

/**
 * The caller's headers that go upstream, as name and value in turn. Names in `injected` are
 * dropped: the injection alone sets those.
 * @throws ServiceError request_invalid where a name or value could not be one header field
 */
export function requestHeaders(headers: CallerHeaders, injected: readonly string[]): string[] {
  const why = exclusions(headers, injected);
  const sent: string[] = [];
  for (const [name, values] of Object.entries(headers)) {
    const isSent = why(name) === undefined;
    for (const value of typeof values === 'string' ? [values] : values) {
      checkField(name, value);
      if (isSent) sent.push(name, value);
    }
  }
  sent.push('via', via);
  return sent;
}

/** Why a header of the caller's is not sent: the proxy sets it, `Connection` names it, or nobody may send it. */
export type Exclusion = 'injected' | 'connection' | 'not_sent';

/** The caller's headers that {@link requestHeaders} drops, as the caller spelled them. */
export function droppedHeaders(
  headers: CallerHeaders,
  injected: readonly string[],
): { name: string; why: Exclusion }[] {
  const exclusion = exclusions(headers, injected);
  return Object.keys(headers).flatMap((name) => {
    const why = exclusion(name);
    return why === undefined ? [] : [{ name, why }];
  });
}

function exclusions(
  headers: CallerHeaders,
  injected: readonly string[],
): (name: string) => Exclusion | undefined {
  const injectedNames = readNames(injected);
  const named = connectionNamed(headers);
  const hopNames = named.size === 0 ? named : new Set([...named].map(readAs));
  return (name) => {
    const { read, isNeverSent } = traitsOf(name);
    if (injectedNames.has(read)) return 'injected';
    if (isNeverSent) return 'not_sent';
    return hopNames.has(read) ? 'connection' : undefined;
  };
}

/** A name as servers may read it: CGI and its heirs take `_`, and some any sign, for `-` (RFC 3875 §4.1.18). */
function readAs(name: string): string {
  return name.toLowerCase().replace(/[^0-9a-z]/g, '-');
}

/** What a name says by itself. */
const traitsOf = memoizeByText((name) => {
  const read = readAs(name);
  return {
    read,
    isName: tokenPattern.test(name),
    isNeverSent: notSent.has(read) || notSentPrefix.test(read),
  };
});

/** Once a list, since the same injection serves many calls. */
const readNames = memoize((names: readonly string[]) => new Set(names.map(readAs)));

function checkField(name: string, value: string): void {
  const fault = !traitsOf(name).isName
    ? 'is not a header name'
    : !valuePattern.test(value)
      ? 'has a value with characters that no header can carry'
      : undefined;
  if (fault === undefined) return;
  throw new ServiceError('request_invalid', {
    reason: 'header',
    detail: `Headers: ${JSON.stringify(name)} ${fault}.`,
  });
}

/** The upstream's headers that go back, with what is ours. `status` is the one received. */
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
  // Under this name the caller gets ours; a marketplace's support asks for theirs.
  const theirId = headers[requestIdHeader];
  if (theirId !== undefined && !dropped.has(requestIdHeader)) {
    returned['x-upstream-request-id'] = theirId;
  }
  returned.via = behind(headers.via, via);
  returned['proxy-status'] = proxyStatus(headers['proxy-status'], status);
  // A marketplace's page must not run as a page of ours.
  returned['content-security-policy'] = behind(headers['content-security-policy'], 'sandbox');
  returned['x-content-type-options'] = 'nosniff';
  return returned;
}

/** A list field (RFC 9110 §5.6.1) with a member of ours behind those received. */
function behind(received: string | readonly string[] | undefined, own: string): string {
  return received === undefined ? own : [received, own].flat().join(', ');
}

const nothing: ReadonlySet<string> = new Set();

/** Lower-case names that `Connection` declares to be of one hop; a set, since there can be as many as there are headers. */
function connectionNamed(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): ReadonlySet<string> {
  const spelled = Object.keys(headers).filter(isConnection);
  if (spelled.length === 0) return nothing;
  const listed = spelled.flatMap((name) => [headers[name] ?? []].flat().join(',').split(','));
  return new Set(listed.map((one) => one.trim().toLowerCase()));
}

function isConnection(name: string): boolean {
  return name.length === 'connection'.length && name.toLowerCase() === 'connection';
}
