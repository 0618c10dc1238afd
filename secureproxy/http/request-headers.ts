import { ServiceError } from '../../shared/errors.ts';
import { hopByHopHeaders, messageHeaders } from '../../shared/http/header-names.ts';
import { memoize, memoizeByText } from '../../shared/memoize.ts';
import { foldName, nameMatcher } from '../../shared/policy/parameters/names.ts';
import { connectionNamed } from './connection-header.ts';
import { via } from './via.ts';

/** Headers that a caller may not send upstream: credentials of its own, hop-by-hop headers, framing, and claims of another client, method or URL. */
const notSent = new Set<string>([
  ...hopByHopHeaders,
  ...messageHeaders,
  'authorization',
  'cookie',
  'forwarded',
  // CGI programs would take it as the address of a proxy to use (CVE-2016-5385).
  'proxy',
  'x-http-method',
  'x-http-destinationurl',
  'x-host',
  'x-appengine-user-ip',
]);
/** The same by class: each front has names of its own for the client's address, and for what it rewrote. */
const notSentClass = new RegExp(
  [
    '^(?:proxy|x-envoy)-',
    '^x-(?:\\w+-)?forwarded(?:-|$)',
    '(?:^|-)(?:client|connecting|originating|proxyuser|pseudo|real|remote|socket|source)-?(?:connection-)?(?:ip|ipv[46]|addr|address)$',
    '^x-(?:http-)?(?:method|path|url|uri|host)-override$',
    '^x-(?:\\w+-)?(?:original|rewrite|override)-(?:http-)?(?:method|path|url|uri|host)$',
  ].join('|'),
);

const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// Field values (RFC 9110 §5.5) in visible ASCII, space and tab.
const valuePattern = /^[\t\x20-\x7e]*$/;

export type CallerHeaders = Readonly<Record<string, string | readonly string[]>>;

/**
 * Returns the caller's headers to send upstream, names and values alternating. Names in `injected`
 * are dropped, since only the injection sets them, and those that the type names in `dropped`.
 * @throws ServiceError request_invalid if a name or value cannot be a header field
 */
export function requestHeaders(
  headers: CallerHeaders,
  injected: readonly string[],
  dropped?: readonly string[],
): string[] {
  const exclusion = exclusions(headers, injected, dropped);
  const sent: string[] = [];
  for (const [name, values] of Object.entries(headers)) {
    const isSent = exclusion(name) === undefined;
    for (const value of typeof values === 'string' ? [values] : values) {
      checkField(name, value);
      if (isSent) sent.push(name, value);
    }
  }
  sent.push('via', via);
  return sent;
}

/** Reason why a caller's header is not sent: the proxy sets it, the type drops it, `Connection` names it, or no caller may send it. */
export type Exclusion = 'injected' | 'dropped' | 'connection' | 'not_sent';

/** The caller's headers that {@link requestHeaders} drops, as the caller spelled them. */
export function droppedHeaders(
  headers: CallerHeaders,
  injected: readonly string[],
  dropped?: readonly string[],
): { name: string; why: Exclusion }[] {
  const exclusion = exclusions(headers, injected, dropped);
  return Object.keys(headers).flatMap((name) => {
    const why = exclusion(name);
    return why === undefined ? [] : [{ name, why }];
  });
}

function exclusions(
  headers: CallerHeaders,
  injected: readonly string[],
  dropped: readonly string[] | undefined,
): (name: string) => Exclusion | undefined {
  const injectedNames = readNames(injected);
  const isDropped = dropped && nameMatcher(dropped);
  const hopNames = readNames(connectionNamed(headers));
  return (name) => {
    const { read, isNeverSent } = traitsOf(name);
    if (injectedNames.has(read)) return 'injected';
    if (isNeverSent) return 'not_sent';
    if (isDropped?.(foldName(name))) return 'dropped';
    return hopNames.has(read) ? 'connection' : undefined;
  };
}

/** A name as servers may read it: CGI turns `-` into `_` (RFC 3875 §4.1.18), and some servers treat all signs alike. */
export function readAs(name: string): string {
  return name.toLowerCase().replace(/[^0-9a-z]/g, '-');
}

const traitsOf = memoizeByText((name) => {
  const read = readAs(name);
  return {
    read,
    isName: tokenPattern.test(name),
    isNeverSent: notSent.has(read) || notSentClass.test(read),
  };
});

/** Memoized per list, since one injection serves many calls. */
const readNames = memoize(
  (names: readonly string[] | ReadonlySet<string>) => new Set([...names].map(readAs)),
);

function checkField(name: string, value: string): void {
  const fault = !traitsOf(name).isName
    ? 'is not a header name'
    : !valuePattern.test(value)
      ? 'has a value with other characters than visible ASCII, spaces and tabs'
      : undefined;
  if (fault === undefined) return;
  throw new ServiceError('request_invalid', {
    reason: 'header',
    detail: `Headers: ${JSON.stringify(name)} ${fault}.`,
  });
}
