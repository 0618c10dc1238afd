import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '../../shared/errors.ts';
import { closeAfterAnswer } from '../../shared/http/early-answer.ts';
import { type LogFields, toMilliseconds } from '../../shared/log/request-log.ts';
import { memoize } from '../../shared/memoize.ts';
import { prepareInjection } from '../../shared/policy/injection/injection.ts';
import type { Injected, OutgoingRequest } from '../../shared/policy/injection/scheme.ts';
import { isReference } from '../../shared/policy/reference.ts';
import type { Release } from '../../shared/protocol/messages.ts';
import type { LinkContext } from '../http/absolute-links.ts';
import { forwardedLinks } from '../http/forwarded-links.ts';
import { pathOf } from '../http/injected-query.ts';
import { responseHeaders } from '../http/response-headers.ts';
import type { BodyObserver } from '../limits/limit-bodies.ts';
import type { Pass } from '../limits/pass.ts';
import type { CachedRelease, ReleaseCache } from '../releases/release-cache.ts';
import { type Scrubber, scrubberOf } from '../scrub/scrubber.ts';
import { trustsStill } from '../upstream/connection-trust.ts';
import type { Deadline } from '../upstream/deadline.ts';
import type { UpstreamPools } from '../upstream/pools.ts';
import { relay } from '../upstream/relay.ts';
import type { RelayOptions, RelayOutcome } from '../upstream/relay-options.ts';
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

/** A call on its way to the marketplace and back. */
class SentCall implements RelayOptions {
  readonly deadline: Deadline;
  readonly isForwarded: boolean;
  readonly idleTimeoutMs: number;
  readonly scrubber: Scrubber | undefined;
  readonly #dependencies: SendDependencies;
  readonly #call: Call;
  readonly #obtained: CachedRelease;
  readonly #prepared: PreparedCall;
  readonly #context: SendContext;
  readonly #began: number;
  #slot: number | undefined;
  #observer: BodyObserver | undefined;

  constructor(
    dependencies: SendDependencies,
    call: Call,
    obtained: CachedRelease,
    prepared: PreparedCall,
    context: SendContext,
  ) {
    this.deadline = context.deadline;
    this.isForwarded = call.base !== undefined;
    this.idleTimeoutMs = dependencies.pools.bodyTimeoutMs;
    this.scrubber = scrubberOf(obtained.release);
    this.#dependencies = dependencies;
    this.#call = call;
    this.#obtained = obtained;
    this.#prepared = prepared;
    this.#context = context;
    this.#began = context.reply.elapsedTime;
  }

  onStart(cut: RunningCall['cut']): boolean {
    const { releases, running } = this.#dependencies;
    const { request, retries } = this.#context;
    // The request before, if this one is a repetition.
    this.#leaveRunning();
    if (!releases.mayStart(this.#call, this.#obtained)) return false;
    retries.isStarted = true;
    this.#slot = running.add(
      runningCall(releases, this.#call, this.#prepared, this.#obtained, request, cut),
    );
    return true;
  }

  isRefused(status: number, received: IncomingHttpHeaders): boolean {
    const { deadline, pass, retries } = this.#context;
    const { policy } = this.#obtained.release;
    const isRefused = retries.afterAnswer(policy, status, received, deadline);
    const isDecoded = this.scrubber !== undefined && !isRefused;
    // A storage of files knows nothing of the marketplace's limits.
    this.#observer = this.#prepared.isPlain
      ? undefined
      : pass?.onAnswer(status, received, isDecoded);
    return isRefused;
  }

  answerHeaders(received: IncomingHttpHeaders, status: number): OutgoingHttpHeaders {
    const { request, reply } = this.#context;
    const answer = responseHeaders(received, status, () => this.#linkContext());
    if (!isHeld(this.#prepared.body)) closeAfterAnswer(request.raw, reply.raw, status);
    answer['x-request-id'] = request.id;
    return answer;
  }

  onBody(bytes: Buffer): void {
    this.#observer?.(bytes);
  }

  onAnswer(): void {
    // Hijacked only now, since Fastify answers earlier errors.
    this.#context.reply.hijack();
  }

  onEnd(outcome: RelayOutcome): void {
    this.#leaveRunning();
    const { request, reply } = this.#context;
    const { url, headers, body } = this.#prepared;
    const { logFields: log } = request;
    log['upstream.duration_ms'] = toMilliseconds(reply.elapsedTime - this.#began);
    if (body !== null) log['upstream.request.body.size'] = body.length;
    logOutcome(log, outcome, reply.sent);
    if (this.scrubber !== undefined && outcome.scrubbed > 0)
      this.#dependencies.sentSecrets.check(
        this.scrubber,
        { url, headers, body: isHeld(body) ? body : undefined },
        request,
      );
  }

  #leaveRunning(): void {
    if (this.#slot !== undefined) this.#dependencies.running.remove(this.#slot);
    this.#slot = undefined;
  }

  #linkContext(): LinkContext {
    const { base } = this.#call;
    return {
      url: this.#prepared.url.href,
      hasSecret: (href) => this.scrubber?.isInLowerCase(href) === true,
      ...(base !== undefined && {
        forwarded: forwardedLinks(base, this.#obtained.release.policy),
      }),
    };
  }
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
  sent: PreparedCall,
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
