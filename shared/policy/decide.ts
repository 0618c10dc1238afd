import { judgeDestination } from './destination.ts';
import { judgeGrants } from './grant.ts';
import { type Grant, isMethod, methods, type Policy } from './schema.ts';
import { parseTargetUrl } from './url.ts';
import { refuse, type Verdict } from './verdict.ts';

/** A method and a URL as a caller wrote them. */
export interface Request {
  readonly method: string;
  readonly url: string;
}

/**
 * Whether a token with this policy may be used under these grants (which match client and type)
 * for this request; yes comes with the parsed URL, whose `href` is the only string to send.
 * Pure: SecureProxy asks it on every use of a release; KeyServer asks the same in two steps, with
 * {@link judgeRequest} before it looks the type up, so that nothing shows without a grant.
 */
export function decide(policy: Policy, grants: readonly Grant[], request: Request): Verdict<URL> {
  const judged = judgeRequest(grants, request);
  return judged.allowed ? judgeDestination(policy, judged.value) : judged;
}

/** The part of {@link decide} that needs no policy: is it a request we know, and is it granted? */
export function judgeRequest(grants: readonly Grant[], { method, url }: Request): Verdict<URL> {
  // A grant without methods means every method of the list, never CONNECT, TRACE or a made-up one.
  if (!isMethod(method)) {
    return refuse(
      'request_invalid',
      'method_unknown',
      `The method is none of ${methods.join(', ')}.`,
    );
  }
  const parsed = parseTargetUrl(url);
  if (!parsed.allowed) return parsed;
  const granted = judgeGrants(grants, method, parsed.value);
  return granted.allowed ? parsed : granted;
}
