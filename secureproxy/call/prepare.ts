import { memoize } from '../../shared/memoize.ts';
import { decide } from '../../shared/policy/decide.ts';
import { injectedNames } from '../../shared/policy/injection/injection.ts';
import type { TargetUrl } from '../../shared/policy/url.ts';
import { checkAllowed } from '../../shared/policy/verdict.ts';
import type { Explanation } from '../../shared/protocol/explanation.ts';
import { requestHeaders } from '../http/headers.ts';
import { checkQuery } from '../http/injected-query.ts';
import { searchableRequest } from '../scrub/content-codings.ts';
import { isSearched } from '../scrub/scrubber.ts';
import type { Call } from './call.ts';

/** What a call is judged by: those of a release, or of its explanation. */
export type Authorization = NonNullable<Explanation['terms']>;

/** A call that may be made, but for the secret. */
export interface PreparedCall {
  /** Judged; its `href` is the only string to send. */
  readonly url: TargetUrl;
  /** The caller's headers that go upstream, as name and value in turn. */
  readonly headers: string[];
}

/**
 * Judges a call and makes ready what of it goes upstream. Making a call and explaining it both come
 * by here, so that they cannot come apart. @throws ServiceError
 */
export function prepare(
  { policy, grants }: Authorization,
  { method, url, headers }: Call,
): PreparedCall {
  const judged = checkAllowed(decide(policy, grants, { method, url }));
  const injected = namesOf(policy.injection);
  checkQuery(judged, injected.query);
  const asked = isSearched(policy) ? searchableRequest(headers) : headers;
  return { url: judged, headers: requestHeaders(asked, injected.headers) };
}

/** Once, since a kept release serves many calls. */
const namesOf = memoize(injectedNames);
