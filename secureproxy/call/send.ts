import { ServiceError } from '../../shared/errors.ts';
import { memoize } from '../../shared/memoize.ts';
import { prepareInjection } from '../../shared/policy/injection/injection.ts';
import type { Injected, OutgoingRequest } from '../../shared/policy/injection/scheme.ts';
import type { Release } from '../../shared/protocol/messages.ts';
import { pathOf } from '../http/injected-query.ts';
import type { CachedRelease } from '../releases/release-cache.ts';
import { relay } from '../upstream/relay.ts';
import type { Call, SendableBody } from './call.ts';
import type { PreparedCall } from './prepare.ts';
import { isHeld, type SendContext, type SendDependencies, SentCall } from './sent-call.ts';

/**
 * Injects the secret and sends a permitted call; the answer streams into `reply`. Resolves to true when it has ended,
 * to false if the release was no longer usable when a connection was free, and nothing was sent, or if the request is
 * to be sent again.
 * @throws ServiceError if it fails before the answer has begun
 */
export function send(
  dependencies: SendDependencies,
  call: Call,
  obtained: CachedRelease,
  prepared: PreparedCall,
  context: SendContext,
): Promise<boolean> {
  const { release } = obtained;
  const { method } = call;
  const { url, wildcard, isPlain, headers, body } = prepared;
  const injection = isPlain ? nothing : injectionOf(release);
  const injected =
    typeof injection === 'function'
      ? injection({ method, url, headers, body: heldBody(body) })
      : injection;
  const { logFields: log } = context.request;
  log['server.address'] = url.hostname;
  log.wildcard = wildcard;
  if (url.port !== '') log['server.port'] = Number(url.port);
  return relay(
    dependencies.pools.get(url.origin, release.policy),
    {
      path: pathOf(url, injected.query),
      method,
      headers: [...headers, ...injected.headers],
      body,
    },
    context.reply.raw,
    new SentCall(dependencies, call, obtained, prepared, context),
  );
}

/** @throws ServiceError request_invalid for a stream, which the injection would have to read first */
function heldBody(body: SendableBody): Buffer | null {
  if (isHeld(body)) return body;
  throw new ServiceError('request_invalid', {
    reason: 'body_streamed',
    detail: 'Requests of this type are signed with their bodies: send the call to /request_api.',
  });
}

const nothing = additionsOf({ headers: [], query: [] });

/** Kept with its release, which serves many calls. @throws ServiceError integrity_failed */
const injectionOf = memoize(({ policy, fields }: Release) => {
  const prepared = prepareInjection(policy.injection, fields);
  return typeof prepared === 'function'
    ? (request: OutgoingRequest) => additionsOf(prepared(request))
    : additionsOf(prepared);
});

/** Headers as names and values in turn. */
function additionsOf({ headers, query }: Injected) {
  return { headers: headers.flat(), query };
}
