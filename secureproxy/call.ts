import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '../shared/errors.ts';
import { decide } from '../shared/policy/decide.ts';
import { fieldsFault, inject, injectedHeaderNames } from '../shared/policy/injection.ts';
import type { Method } from '../shared/policy/schema.ts';
import { checkAllowed } from '../shared/policy/verdict.ts';
import { type LogFields, toMilliseconds } from '../shared/request-log.ts';
import { formatTraceparent, traceContextOf } from '../shared/trace-context.ts';
import { type CallerHeaders, requestHeaders, responseHeaders } from './headers.ts';
import { appendQuery } from './injected-query.ts';
import type { TraceHeaders } from './keyserver-http.ts';
import { type RelayOutcome, relay } from './relay.ts';
import type { CachedRelease, ReleaseCache } from './release-cache.ts';
import type { UpstreamPools } from './upstream-pools.ts';

export interface CallDependencies {
  readonly releases: ReleaseCache;
  readonly pools: UpstreamPools;
  readonly totalTimeoutMs: number;
}

/** A call that an app wants made with a token. */
export interface Call {
  readonly appKey: string | null;
  readonly clientId: string;
  readonly tokenType: string;
  readonly method: Method;
  readonly url: string;
  readonly headers: CallerHeaders;
  readonly body: Buffer | string | null;
  /** Shortens the whole call; undefined: as long as the settings allow. */
  readonly timeoutMs: number | undefined;
}

/**
 * Makes a call: obtain the release (KeyServer authenticates and decides first) → decide again →
 * inject → send. The answer streams into `reply`.
 * @throws ServiceError where no answer has begun
 */
export async function makeCall(
  dependencies: CallDependencies,
  call: Call,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { pools, totalTimeoutMs } = dependencies;
  const { method } = call;
  const { logFields: log } = request;
  log.client = call.clientId;
  log.token_type = call.tokenType;
  log['upstream.request.method'] = method;
  const { release, source } = await obtain(dependencies, call, request, reply);
  log.app = release.app;
  log.release = source;
  const { policy, grants, fields } = release;
  const url = checkAllowed(decide(policy, grants, { method, url: call.url }));
  const fault = fieldsFault(policy.injection, fields);
  if (fault !== undefined) {
    throw new ServiceError('integrity_failed', {
      reason: 'fields',
      detail: `The stored token cannot be injected: ${fault}.`,
    });
  }
  const injected = inject(policy.injection, fields);
  const headers = [
    ...requestHeaders(call.headers, injectedHeaderNames(policy.injection)),
    ...injected.headers.flat(),
  ];
  log['server.address'] = url.hostname;
  if (url.port !== '') log['server.port'] = Number(url.port);
  if (call.body !== null) log['upstream.request.body.size'] = Buffer.byteLength(call.body);
  const began = reply.elapsedTime;
  await relay(
    pools.get(url.origin, policy),
    { path: url.pathname + appendQuery(url, injected.query), method, headers, body: call.body },
    reply.raw,
    {
      timeoutMs: Math.min(call.timeoutMs ?? totalTimeoutMs, totalTimeoutMs),
      answerHeaders: (received, status) => ({
        'x-request-id': request.id,
        ...responseHeaders(received, status),
      }),
      // Not before: what fails earlier is still Fastify's to answer.
      onAnswer: () => reply.hijack(),
      onEnd: (outcome) => {
        log['upstream.duration_ms'] = toMilliseconds(reply.elapsedTime - began);
        logOutcome(log, outcome, reply.sent);
      },
    },
  );
}

/** Obtains the release, with what it cost in the log's line. @throws ServiceError */
async function obtain(
  { releases }: CallDependencies,
  { appKey, clientId, tokenType, method, url }: Call,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<CachedRelease> {
  const { logFields: log } = request;
  const began = reply.elapsedTime;
  let retries = 0;
  let isCached = false;
  try {
    const obtained = await releases.get({
      appKey,
      clientId,
      tokenType,
      target: { method, url },
      trace: traceHeaders(request),
      onRetry: () => {
        retries += 1;
      },
    });
    isCached = obtained.source === 'cached';
    return obtained;
  } finally {
    if (!isCached) {
      log['keyserver.duration_ms'] = toMilliseconds(reply.elapsedTime - began);
      log['keyserver.retries'] = retries;
    }
  }
}

/** Request id and trace context go on to KeyServer, never upstream. */
function traceHeaders({ id, raw }: FastifyRequest): TraceHeaders {
  return { 'x-request-id': id, traceparent: formatTraceparent(traceContextOf(raw)) };
}

function logOutcome(
  log: LogFields,
  { status, bytesReceived, error }: RelayOutcome,
  isRelayed: boolean,
): void {
  log['error.type'] = error?.code;
  log['error.reason'] = error?.options.reason;
  if (status === undefined) return;
  log['upstream.response.status_code'] = status;
  log['upstream.response.body.size'] = bytesReceived;
  // Streamed through, it is as long on both sides.
  if (isRelayed) log['http.response.body.size'] = bytesReceived;
}
