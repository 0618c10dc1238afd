import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { ErrorCode } from '../errors.ts';
import type { TokenGrant } from '../policy/token-endpoint.ts';
import { logPlain } from './logging.ts';
import { traceContextOf } from './trace-context.ts';

function optional<T>(): T | undefined {
  return undefined;
}

/**
 * All fields of a request's log entry in order, except those that every entry has; undefined fields are
 * omitted. docs/logs.md explains them. Dotted names are from OpenTelemetry's semantic conventions, or
 * follow them.
 */
const noFields = {
  request_id: '',
  trace_id: '',
  span_id: '',
  'http.request.method': '',
  'url.template': '',
  'client.address': '',
  'http.response.status_code': 0,
  'error.type': optional<ErrorCode>(),
  'error.reason': optional<string>(),
  proxy: optional<string>(),
  app: optional<string>(),
  key_fingerprint: optional<string>(),
  client: optional<string>(),
  token_type: optional<string>(),
  grant: optional<string>(),
  release: optional<'cached' | 'ticket' | 'rsa'>(),
  explain: optional<'ticket' | 'rsa'>(),
  token_request: optional<TokenGrant>(),
  'server.address': optional<string>(),
  'server.port': optional<number>(),
  wildcard: optional<string>(),
  'upstream.request.method': optional<string>(),
  'upstream.response.status_code': optional<number>(),
  'queue.duration_ms': optional<number>(),
  limited_ms: optional<number>(),
  limit: optional<string>(),
  duration_ms: 0,
  'keyserver.duration_ms': optional<number>(),
  'keyserver.retries': optional<number>(),
  'database.duration_ms': optional<number>(),
  'upstream.duration_ms': optional<number>(),
  'upstream.retries': optional<number>(),
  'http.request.body.size': optional<number>(),
  'http.response.body.size': optional<number>(),
  'upstream.request.body.size': optional<number>(),
  'upstream.response.body.size': optional<number>(),
  scrubbed: optional<number>(),
  parent_span_id: optional<string>(),
};

/** The fields that handlers may set for their request's log entry; there are none for URLs, headers or bodies. */
export type LogFields = typeof noFields;

/** The names of {@link LogFields}, in the order of a log entry. */
export const logFieldNames = Object.keys(noFields);

declare module 'fastify' {
  interface FastifyRequest {
    logFields: LogFields;
  }
  interface FastifyContextConfig {
    /** For routes that programs poll. `debug`: the level of a successful request's entry; `none`: no entry at all. */
    requestLine?: 'debug' | 'none';
  }
}

/** A copy of one template, so that all of them have the same shape. */
export function newLogFields(): LogFields {
  return { ...noFields };
}

/** The ids that every log entry of a request has. */
export function logIds(requestId: string, request: IncomingMessage) {
  const { traceId, spanId } = traceContextOf(request);
  return { request_id: requestId, trace_id: traceId, span_id: spanId };
}

/** Rounds milliseconds to whole microseconds; finer digits are noise. */
export function toMilliseconds(elapsed: number): number {
  return Math.round(elapsed * 1000) / 1000;
}

/** Takes the fields of a request that has ended, for its metrics. */
export type CountRequest = (fields: LogFields) => void;

/** Logs a request when it ends; Fastify's onResponse does not run for aborted answers or disconnected callers. */
export function logOnce(request: FastifyRequest, reply: FastifyReply, count: CountRequest): void {
  reply.raw.on('close', () => {
    if (reply.raw.writableFinished) logRequest(request, reply, count);
    // Later, so that the entry includes the effects of the disconnection.
    else setImmediate(() => logRequest(request, reply, count));
  });
}

export function logRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  count: CountRequest,
): void {
  const { logFields: fields, raw } = request;
  // Fastify makes them anew each time that they are read.
  const { url, config } = request.routeOptions;
  const { requestLine } = config;
  if (requestLine === 'none') return;
  const { log } = request.server;
  const { traceId, spanId, parentSpanId } = traceContextOf(raw);
  fields.request_id = request.id;
  fields.trace_id = traceId;
  fields.span_id = spanId;
  fields['http.request.method'] = request.method;
  fields['url.template'] = url ?? 'none';
  fields['client.address'] = request.ip;
  fields['http.response.status_code'] = reply.statusCode;
  fields.duration_ms = toMilliseconds(reply.elapsedTime);
  fields['http.request.body.size'] ??= announcedBytes(request.headers['content-length']);
  // A caller that had disconnected received none of the announced bytes.
  if (reply.raw.writableFinished || !reply.raw.destroyed)
    fields['http.response.body.size'] ??= announcedBytes(reply.getHeader('content-length'));
  fields.parent_span_id = parentSpanId;
  const level = requestLine === 'debug' && reply.statusCode < 400 ? 'debug' : 'info';
  logPlain(log as Logger, level, fields, 'request');
  count(fields);
}

function announcedBytes(header: string | string[] | number | undefined): number | undefined {
  const bytes = Number(header);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
