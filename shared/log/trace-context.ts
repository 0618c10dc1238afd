import type { IncomingMessage } from 'node:http';
import { pooledRandom } from '../crypto/random-pool.ts';

/** Where a request stands in its trace (W3C Trace Context): ids in lower-case hex. */
export interface TraceContext {
  /** 32 digits; the caller's where it sent a valid `traceparent`, else new. */
  readonly traceId: string;
  /** 16 digits, of this request in this service; always new. */
  readonly spanId: string;
  /** The caller's span; undefined where the trace begins here. */
  readonly parentSpanId: string | undefined;
  /** Whether the caller records the trace; goes on unchanged. */
  readonly sampled: boolean;
}

/** What a valid `traceparent` says. */
export interface Traceparent {
  readonly traceId: string;
  readonly parentId: string;
  readonly sampled: boolean;
}

const pattern =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;
const sampledFlag = 1;

/**
 * Parses the value of `traceparent` (W3C Trace Context §3.2). Undefined where it is not valid, which
 * also holds of two headers joined into one value. Versions above 00 may have more behind the flags.
 */
export function parseTraceparent(value: string): Traceparent | undefined {
  const [, version, traceId, parentId, flags, more] = pattern.exec(value) ?? [];
  if (traceId === undefined || parentId === undefined || flags === undefined) return undefined;
  if (version === '00' && more !== '') return undefined;
  const sampled = (Number.parseInt(flags, 16) & sampledFlag) === sampledFlag;
  return { traceId, parentId, sampled };
}

/** `traceparent` for a request sent in this context: its span is the parent. */
export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

const context = Symbol('trace context');

declare module 'node:http' {
  interface IncomingMessage {
    /** On the request itself: a weak map with an entry for each costs more than to make one. */
    [context]?: TraceContext;
  }
}

/** The context of a request: taken over or begun when first asked for, then always the same. */
export function traceContextOf(request: IncomingMessage): TraceContext {
  request[context] ??= makeContext(request.headers.traceparent);
  return request[context];
}

function makeContext(header: string | readonly string[] | undefined): TraceContext {
  const caller = typeof header === 'string' ? parseTraceparent(header) : undefined;
  return {
    traceId: caller?.traceId ?? randomId(16),
    spanId: randomId(8),
    parentSpanId: caller?.parentId,
    sampled: caller?.sampled ?? false,
  };
}

function randomId(bytes: number): string {
  const id = pooledRandom(bytes).toString('hex');
  // All zeros is no id.
  return /[^0]/.test(id) ? id : randomId(bytes);
}
