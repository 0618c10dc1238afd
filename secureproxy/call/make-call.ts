import type { FastifyReply, FastifyRequest } from 'fastify';
import { nextBatch } from '../../shared/event-loop.ts';
import { type LogFields, toMilliseconds } from '../../shared/log/request-log.ts';
import { memoize } from '../../shared/memoize.ts';
import { prepareInjection } from '../../shared/policy/injection/injection.ts';
import type { Release } from '../../shared/protocol/messages.ts';
import { appendQuery } from '../http/injected-query.ts';
import { responseHeaders } from '../http/response-headers.ts';
import type { ReleaseCache } from '../releases/release-cache.ts';
import { scrubberOf } from '../scrub/scrubber.ts';
import type { UpstreamPools } from '../upstream/pools.ts';
import { type RelayOutcome, relay } from '../upstream/relay.ts';
import { askForCall } from './ask-keyserver.ts';
import type { Call } from './call.ts';
import { prepare } from './prepare.ts';

export interface CallDependencies {
  readonly releases: ReleaseCache;
  readonly pools: UpstreamPools;
  readonly totalTimeoutMs: number;
}

/**
 * Makes a call: obtain the release (KeyServer authenticates and decides first) → decide again →
 * inject → send. The answer streams into `reply`.
 * @throws ServiceError if it fails before the answer has begun
 */
export async function makeCall(
  dependencies: CallDependencies,
  call: Call,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  await nextBatch();
  const { releases, pools, totalTimeoutMs } = dependencies;
  const { method } = call;
  const { logFields: log } = request;
  log['upstream.request.method'] = method;
  const { release, source } = await askForCall(call, request, reply, (query) =>
    releases.get(query),
  );
  log.app = release.app;
  log.release = source;
  const prepared = prepare(release, call);
  log.grant = prepared.grantId;
  const injection = injectionOf(release);
  const { url } = prepared;
  const injected =
    typeof injection === 'function'
      ? injection({ method, url, headers: prepared.headers, body: call.body })
      : injection;
  const headers = [...prepared.headers, ...injected.headers.flat()];
  log['server.address'] = url.hostname;
  if (url.port !== '') log['server.port'] = Number(url.port);
  if (call.body !== null) log['upstream.request.body.size'] = Buffer.byteLength(call.body);
  const began = reply.elapsedTime;
  await relay(
    pools.get(url.origin, release.policy),
    { path: url.pathname + appendQuery(url, injected.query), method, headers, body: call.body },
    reply.raw,
    {
      timeoutMs: Math.min(call.timeoutMs ?? totalTimeoutMs, totalTimeoutMs),
      answerHeaders: (received, status) => {
        const answer = responseHeaders(received, status, url.href);
        answer['x-request-id'] = request.id;
        return answer;
      },
      scrubber: scrubberOf(release),
      // Hijacked only now, since Fastify answers earlier errors.
      onAnswer: () => reply.hijack(),
      onEnd: (outcome) => {
        log['upstream.duration_ms'] = toMilliseconds(reply.elapsedTime - began);
        logOutcome(log, outcome, reply.sent);
      },
    },
  );
}

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
  if (retries > 0) log['upstream.retries'] = retries;
  if (status === undefined) return;
  log['upstream.response.status_code'] = status;
  log['upstream.response.body.size'] = bytesReceived;
  if (isRelayed) log['http.response.body.size'] = bytesSent;
  if (scrubbed > 0) log.scrubbed = scrubbed;
}
