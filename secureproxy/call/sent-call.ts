import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '../../shared/errors.ts';
import { closeAfterAnswer } from '../../shared/http/early-answer.ts';
import { type LogFields, toMilliseconds } from '../../shared/log/request-log.ts';
import { isReference } from '../../shared/policy/reference.ts';
import type { LinkContext } from '../http/absolute-links.ts';
import { forwardedLinks } from '../http/forwarded-links.ts';
import { responseHeaders } from '../http/response-headers.ts';
import type { BodyObserver } from '../limits/limit-bodies.ts';
import type { Pass } from '../limits/pass.ts';
import type { CachedRelease, ReleaseCache } from '../releases/release-cache.ts';
import { type Scrubber, scrubberOf } from '../scrub/scrubber.ts';
import { trustsStill } from '../upstream/connection-trust.ts';
import type { Deadline } from '../upstream/deadline.ts';
import type { UpstreamPools } from '../upstream/pools.ts';
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

export interface SendContext {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly deadline: Deadline;
  /** The call's share of its limits; undefined: it has none. */
  readonly pass: Pass | undefined;
  readonly retries: Retries;
}

/** A call on its way to the marketplace and back. */
export class SentCall implements RelayOptions, RunningCall {
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
  /** The release that allows it now: the call is judged again while it runs. */
  #current: CachedRelease;
  #cut: RunningCall['cut'] | undefined;
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
    this.#current = obtained;
  }

  onStart(cut: RunningCall['cut']): boolean {
    const { releases, running } = this.#dependencies;
    const { retries } = this.#context;
    // The request before, if this one is a repetition.
    this.#leaveRunning();
    if (!releases.mayStart(this.#call, this.#obtained)) return false;
    retries.isStarted = true;
    this.#cut = cut;
    this.#slot = running.add(this);
    return true;
  }

  isCurrent(): boolean {
    return this.#dependencies.releases.isCurrent(this.#call, this.#current);
  }

  async judgeAgain(): Promise<void> {
    const call = this.#call;
    const { url, isPlain: wasPlain } = this.#prepared;
    // A reference could mean another URL by now than the one that was sent.
    const judged = isReference(call.url) ? { ...call, url: url.href } : call;
    // In turn, its app could put off the end of the call by asking much.
    const query = { ...queryOf(judged, this.#context.request), isUrgent: true };
    const fresh = await this.#dependencies.releases.get(query);
    const { isPlain } = prepare(fresh.release, judged);
    // It was sent with the token, which goes there no more, or to an address or certificate that is no longer trusted.
    if (
      (isPlain && !wasPlain) ||
      !trustsStill(this.#current.release.policy, fresh.release.policy)
    ) {
      throw new ServiceError('destination_denied');
    }
    this.#current = fresh;
  }

  cut(error: ServiceError): void {
    this.#cut?.(error);
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

export function isHeld(body: SendableBody): body is Buffer | null {
  return body === null || Buffer.isBuffer(body);
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
