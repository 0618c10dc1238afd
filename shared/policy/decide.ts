import { judgeDestination } from './destination.ts';
import { judgeGrants } from './grant.ts';
import { type Grant, isMethod, methods, type Policy } from './schema.ts';
import { parseTargetUrl, type TargetUrl } from './url.ts';
import { refuse, type Verdict } from './verdict.ts';

/** A method and a URL as a caller wrote them. */
export interface Request {
  readonly method: string;
  readonly url: string;
}

/**
 * Whether a token with this policy may be used under these grants (which match client and type)
 * for this request; yes comes with the parsed URL, whose `href` is the only string to send.
 * Pure: SecureProxy asks it on every use of a release; KeyServer asks the same step by step, and looks the
 * type up after the grant only, so that nothing shows without one.
 */
export function decide(
  policy: Policy,
  grants: readonly Grant[],
  request: Request,
): Verdict<TargetUrl> {
  const parsed = parseRequest(request);
  if (!parsed.allowed) return parsed;
  const granted = judgeGrants(grants, request.method, parsed.value);
  if (!granted.allowed) return granted;
  const destined = judgeDestination(policy, parsed.value);
  return destined.allowed ? parsed : destined;
}

/** The part of {@link decide} that needs neither grants nor policy: is it a request that we know? */
export function parseRequest({ method, url }: Request): Verdict<TargetUrl> {
  // A grant without methods means every method of the list, never CONNECT, TRACE or a made-up one.
  if (!isMethod(method)) {
    return refuse(
      'request_invalid',
      'method_unknown',
      `The method is none of ${methods.join(', ')}.`,
    );
  }
  return parseTargetUrl(url);
}
