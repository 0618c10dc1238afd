import { memoize } from '../../shared/memoize.ts';
import { decide } from '../../shared/policy/decide.ts';
import { wildcardHost } from '../../shared/policy/destination.ts';
import { grantId } from '../../shared/policy/grant-id.ts';
import { injectedNames } from '../../shared/policy/injection/injection.ts';
import { judgeForm } from '../../shared/policy/routing.ts';
import type { TargetUrl } from '../../shared/policy/url.ts';
import { checkAllowed } from '../../shared/policy/verdict.ts';
import type { Explanation } from '../../shared/protocol/explanation.ts';
import type { Binding } from '../../shared/protocol/messages.ts';
import { KeyedBody } from '../body-keys/keyed-body.ts';
import type { CallerHead } from '../http/caller-head.ts';
import { formOf } from '../http/form-body.ts';
import { checkQuery } from '../http/injected-query.ts';
import { type CallerHeaders, requestHeaders } from '../http/request-headers.ts';
import { searchableRequest } from '../scrub/content-codings.ts';
import { isSearched } from '../scrub/scrubber.ts';
import { StreamedBody } from '../upstream/streamed-body.ts';
import type { Call, CallBody, SendableBody } from './call.ts';

/** The policy and grants that a call is judged by; from a release or an explanation. */
type Authorization = NonNullable<Explanation['terms']>;

/** A permitted call, before the injection. */
export interface PreparedCall {
  /** The judged URL; send this one, never the caller's text. */
  readonly url: TargetUrl;
  /** Id of the grant that allowed it. */
  readonly grantId: string;
  /** The host of the destination that allowed it, if that is a wildcard. */
  readonly wildcard: string | undefined;
  /** True if the token is not injected. */
  readonly isPlain: boolean;
  /** True if nothing is sent: the proxy answers it as a token endpoint. */
  readonly isTokenEndpoint: boolean;
  /** The headers to send, names and values alternating. */
  readonly headers: readonly string[];
  /** The body to send, without the app key; at a token endpoint as it came. */
  readonly body: SendableBody;
}

/** The last call without a body on a connection, since callers that poll repeat it. */
interface LastCall {
  /** The target of its request and the binding of its key; all else of the call is of the head. */
  readonly target: string;
  readonly binding: Binding | null;
  readonly call: Call;
  /** By what it was judged last, without the secret, and the result. */
  judged?: Authorization & { readonly prepared: PreparedCall };
}

/** Holds the last call of a head. */
export function lastCallOf(head: CallerHead): { newest?: LastCall } {
  return head.derive(noCall);
}

function noCall(): { newest?: LastCall } {
  return {};
}

/**
 * Judges a call and selects the parts to send. Calls and explanations share it, so that they cannot
 * diverge.
 * @throws ServiceError
 */
export function prepare(terms: Authorization, call: Call): PreparedCall {
  const { policy, grants } = terms;
  const last = call.head && lastCallOf(call.head).newest;
  if (last?.call !== call) return prepareAnew(terms, call);
  if (last.judged?.policy !== policy || last.judged.grants !== grants) {
    last.judged = { policy, grants, prepared: prepareAnew(terms, call) };
  }
  return last.judged.prepared;
}

function prepareAnew(
  { policy, grants }: Authorization,
  { method, url, headers, head, body: received }: Call,
): PreparedCall {
  const approval = checkAllowed(decide(policy, grants, { method, url }));
  const { isPlain, isTokenEndpoint } = approval;
  const body = isTokenEndpoint ? unsentBody(received) : sentBody(received, policy);
  if (!isPlain) checkQuery(approval.url, namesOf(policy.injection).query);
  const makeSent = () => sentHeaders(policy, headers);
  const sent = head === undefined ? makeSent() : head.derive(makeSent, policy);
  const readForm = () =>
    isEmpty(body) ? undefined : formOf(sent, Buffer.isBuffer(body) ? body : undefined);
  return {
    url: approval.url,
    grantId: idOf(
      isTokenEndpoint
        ? approval.grant
        : checkAllowed(judgeForm(policy, grants, approval.grant, readForm)),
    ),
    wildcard: wildcardHost(approval.destination),
    isPlain,
    isTokenEndpoint,
    headers: sent,
    body,
  };
}

/** @throws ServiceError request_invalid */
function sentHeaders(policy: Authorization['policy'], headers: CallerHeaders): readonly string[] {
  const passed = isSearched(policy) ? searchableRequest(headers) : headers;
  return requestHeaders(passed, namesOf(policy.injection).headers, policy.dropHeaders);
}

function unsentBody(received: CallBody): SendableBody {
  return received instanceof KeyedBody ? received.bytes : received;
}

function sentBody(received: CallBody, { keyMembers }: Authorization['policy']): SendableBody {
  return received instanceof KeyedBody ? received.without(keyMembers) : received;
}

function isEmpty(body: SendableBody): boolean {
  return body === null || (body instanceof StreamedBody ? body.announced : body.length) === 0;
}

/** Memoized, since a cached release serves many calls. */
const namesOf = memoize(injectedNames);
const idOf = memoize(grantId);
