import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '../../shared/errors.ts';
import { closeAfterAnswer } from '../../shared/http/early-answer.ts';
import { type LogFields, toMilliseconds } from '../../shared/log/request-log.ts';
import { memoize } from '../../shared/memoize.ts';
import { prepareInjection } from '../../shared/policy/injection/injection.ts';
import type { Injected } from '../../shared/policy/injection/scheme.ts';
import { isReference } from '../../shared/policy/reference.ts';
import type { Release } from '../../shared/protocol/messages.ts';
import { forwardedLinks } from '../http/forwarded-links.ts';
import { pathOf } from '../http/injected-query.ts';
import { responseHeaders } from '../http/response-headers.ts';
import type { BodyObserver } from '../limits/limit-bodies.ts';
import type { Pass } from '../limits/pass.ts';
import type { CachedRelease, ReleaseCache } from '../releases/release-cache.ts';
import { scrubberOf } from '../scrub/scrubber.ts';
import { trustsStill } from '../upstream/connection-trust.ts';
import type { Deadline } from '../upstream/deadline.ts';
import type { UpstreamPools } from '../upstream/pools.ts';
import { relay } from '../upstream/relay.ts';
import type { RelayOutcome } from '../upstream/relay-options.ts';
import { queryOf } from './ask-keyserver.ts';
import type { Call, SendableBody } from './call.ts';
import { type PreparedCall, prepare } from './prepare.ts';
import type { Retries } from './retries.ts';
import type { RunningCall, RunningCalls } from './running-calls.ts';
import type { SentSecrets } from './sent-secrets.ts';

export interface SendDependencies {
  readonly releases: ReleaseCache;
  readonly pools: UpstreamPools;
  readonly running: RunningCalls;
  readonly sentSecrets: SentSecrets;
}

interface SendContext {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly deadline: Deadline;
  /** The call's share of its limits; undefined: it has none. */
  readonly pass: Pass | undefined;
  readonly retries: Retries;
}

/**
 * Injects the secret and sends a permitted call; the answer streams into `reply`. Resolves to true when it has ended,
 * to false if the release was no longer usable when a connection was free, and nothing was sent, or if the request is
 * to be sent again.
 * @throws ServiceError if it fails before the answer has begun
 */
export function send(
  { releases, pools, running, sentSecrets }: SendDependencies,
  call: Call,
  obtained: CachedRelease,
  { url, wildcard, isPlain, headers: prepared, body }: PreparedCall,
  { request, reply, deadline, pass, retries }: SendContext,
): Promise<boolean> {
  const { logFields: log } = request;
  const { release } = obtained;
  const { method } = call;
  const injection = isPlain ? nothing : injectionOf(release);
  const injected =
    typeof injection === 'function'
      ? injection({ method, url, headers: prepared, body: heldBody(body) })
      : injection;
  const headers = [...prepared, ...injected.headers.flat()];
  log['server.address'] = url.hostname;
  log.wildcard = wildcard;
  if (url.port !== '') log['server.port'] = Number(url.port);
  const began = reply.elapsedTime;
  const scrubber = scrubberOf(release);
  const linkContext = () => ({
    url: url.href,
    hasSecret: (href: string) => scrubber?.isInLowerCase(href) === true,
    ...(call.base !== undefined && { forwarded: forwardedLinks(call.base, release.policy) }),
  });
  let slot: number | undefined;
  let onBody: BodyObserver | undefined;
  const leaveRunning = () => {
    if (slot !== undefined) running.remove(slot);
    slot = undefined;
  };
  return relay(
    pools.get(url.origin, release.policy),
    { path: pathOf(url, injected.query), method, headers, body },
    reply.raw,
    {
      deadline,
      isForwarded: call.base !== undefined,
      idleTimeoutMs: pools.bodyTimeoutMs,
      onStart: (cut) => {
        // The request before, if this one is a repetition.
        leaveRunning();
        if (!releases.mayStart(call, obtained)) return false;
        retries.isStarted = true;
        slot = running.add(runningCall(releases, call, { url, isPlain }, obtained, request, cut));
        return true;
      },
      isRefused: (status, received) => {
        const isRefused = retries.afterAnswer(release.policy, status, received, deadline);
        const isDecoded = scrubber !== undefined && !isRefused;
        // A storage of files knows nothing of the marketplace's limits.
        onBody = isPlain ? undefined : pass?.onAnswer(status, received, isDecoded);
        return isRefused;
      },
      answerHeaders: (received, status) => {
        const answer = responseHeaders(received, status, linkContext);
        if (body !== null && !isHeld(body)) closeAfterAnswer(request.raw, reply.raw, status);
        answer['x-request-id'] = request.id;
        return answer;
      },
      scrubber,
      onBody: (bytes) => onBody?.(bytes),
      // Hijacked only now, since Fastify answers earlier errors.
      onAnswer: () => reply.hijack(),
      onEnd: (outcome) => {
        leaveRunning();
        log['upstream.duration_ms'] = toMilliseconds(reply.elapsedTime - began);
        if (body !== null) log['upstream.request.body.size'] = body.length;
        logOutcome(log, outcome, reply.sent);
        if (scrubber !== undefined && outcome.scrubbed > 0)
          sentSecrets.check(
            scrubber,
            { url, headers: prepared, body: isHeld(body) ? body : undefined },
            request,
          );
      },
    },
  );
}

function isHeld(body: SendableBody): body is Buffer | null {
  return body === null || Buffer.isBuffer(body);
}

/** @throws ServiceError request_invalid for a stream, which the injection would have to read first */
function heldBody(body: SendableBody): Buffer | null {
  if (isHeld(body)) return body;
  throw new ServiceError('request_invalid', {
    reason: 'body_streamed',
    detail: 'Requests of this type are signed with their bodies: send the call to /request_api.',
  });
}

function runningCall(
  releases: ReleaseCache,
  call: Call,
  sent: Pick<PreparedCall, 'url' | 'isPlain'>,
  obtained: CachedRelease,
  request: FastifyRequest,
  cut: RunningCall['cut'],
): RunningCall {
  let current = obtained;
  return {
    isCurrent: () => releases.isCurrent(call, current),
    judgeAgain: async () => {
      // A reference could mean another URL by now than the one that was sent.
      const judged = isReference(call.url) ? { ...call, url: sent.url.href } : call;
      // In turn, its app could put off the end of the call by asking much.
      const fresh = await releases.get({ ...queryOf(judged, request), isUrgent: true });
      const { isPlain } = prepare(fresh.release, judged);
      // It was sent with the token, which goes there no more, or to an address or certificate that is no longer trusted.
      if (
        (isPlain && !sent.isPlain) ||
        !trustsStill(current.release.policy, fresh.release.policy)
      ) {
        throw new ServiceError('destination_denied');
      }
      current = fresh;
    },
    cut,
  };
}

const nothing: Injected = { headers: [], query: [] };

/** Kept with its release, which serves many calls. @throws ServiceError integrity_failed */
const injectionOf = memoize(({ policy, fields }: Release) =>
  prepareInjection(policy.injection, fields),
);

function logOutcome(
  log: LogFields,
  { status, bytesReceived, bytesSent, scrubbed, retries, error }: RelayOutcome,
  isRelayed: boolean,
): void {
  log['error.type'] = error?.code;
  log['error.reason'] = error?.options.reason;
  if (retries > 0) log['upstream.retries'] = (log['upstream.retries'] ?? 0) + retries;
  if (status === undefined) return;
  log['upstream.response.status_code'] = status;
  log['upstream.response.body.size'] = bytesReceived;
  if (isRelayed) log['http.response.body.size'] = bytesSent;
  if (scrubbed > 0) log.scrubbed = scrubbed;
}
