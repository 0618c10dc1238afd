import { type Destined, judgeDestination } from './destination.ts';
import { judgeGrants, noGrant } from './grant.ts';
import { withoutParameters } from './parameters/names.ts';
import { isReference, resolveReference } from './reference.ts';
import { judgeRouting } from './routing.ts';
import { type Grant, isMethod, methods, type Policy, type Probe } from './schema.ts';
import { isTokenEndpoint } from './token-endpoint.ts';
import { parseTargetUrl, type TargetUrl } from './url.ts';
import { allow, checkAllowed, refuse, type Verdict } from './verdict.ts';

/** A caller's method and URL, unchecked; the URL may be a reference. */
export interface Request {
  readonly method: string;
  readonly url: string;
}

interface Approval extends Destined {
  /** Its `href` is the only string to send. */
  readonly url: TargetUrl;
  readonly grant: Grant;
}

/**
 * Decides whether a token of this policy may be used for the request under these grants, which match
 * client and type.
 * Pure: SecureProxy decides on every use of a release. KeyServer takes the same steps one by one and looks
 * the type up only after the grant, so that an app without a grant learns nothing.
 * @throws PolicyError for a policy that was never checked
 */
export function decide(
  policy: Policy,
  grants: readonly Grant[],
  request: Request,
): Verdict<Approval> {
  const resolved = resolveTarget(policy, request);
  if (!resolved.allowed) return resolved;
  const parsed = parseRequest(resolved.value);
  if (!parsed.allowed) return parsed;
  const granted = isReference(request.url)
    ? judgeReferenceGrants(policy, grants, request.method, parsed.value)
    : judgeGrants(grants, request.method, parsed.value);
  if (!granted.allowed) return granted;
  const destined = judgeDestination(policy, parsed.value);
  if (!destined.allowed) return destined;
  const url = sentUrl(policy, parsed.value, destined.value);
  if (destined.value.isTokenEndpoint) {
    return allow({ url, grant: granted.value, ...destined.value });
  }
  const routed = judgeRouting(policy, grants, granted.value, url);
  if (!routed.allowed) return routed;
  return allow({ url, grant: routed.value, ...destined.value });
}

/**
 * {@link judgeGrants} for the URL that a reference stands for. A token endpoint needs any grant, whatever methods and
 * paths it allows, since nothing is sent there. Of other calls the grant is judged before the type is known.
 */
export function judgeReferenceGrants(
  policy: Policy,
  grants: readonly Grant[],
  method: string,
  url: TargetUrl,
): Verdict<Grant> {
  if (!isTokenEndpoint(policy, url)) return judgeGrants(grants, method, url);
  const [grant] = grants;
  return grant === undefined ? noGrant() : allow(grant);
}

/** The request with its whole URL. @throws PolicyError for a policy that was never checked */
export function resolveTarget<T extends Request>(policy: Policy, request: T): Verdict<T> {
  if (!isReference(request.url)) return allow(request);
  const url = resolveReference(policy, request.url);
  return url.allowed ? allow({ ...request, url: url.value }) : url;
}

export function probeOf({ probe }: Policy): Verdict<Probe> {
  return probe === undefined
    ? refuse(
        'request_invalid',
        'no_probe',
        'The token type has no probe; define one with keyserver-admin type edit --probe.',
      )
    : allow(probe);
}

/** The part of {@link decide} that needs neither grants nor policy: checks the method and parses the URL. */
export function parseRequest({ method, url }: Request): Verdict<TargetUrl> {
  // A grant without methods allows every method of the list, but not CONNECT, TRACE or unknown ones.
  if (!isMethod(method)) {
    return refuse(
      'request_invalid',
      'method_unknown',
      `The method is none of ${methods.join(', ')}.`,
    );
  }
  return parseTargetUrl(url);
}

/** The URL without the parameters that the type drops where its token goes: other links have signatures of their own. */
export function sentUrl(
  { dropQuery }: Pick<Policy, 'dropQuery'>,
  url: TargetUrl,
  { isPlain }: Destined,
): TargetUrl {
  if (dropQuery === undefined || isPlain || url.search === '') return url;
  const search = withoutParameters(url.search, dropQuery);
  if (search === url.search) return url;
  return checkAllowed(parseTargetUrl(url.origin + url.pathname + search));
}
