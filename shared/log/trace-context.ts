import type { IncomingMessage } from 'node:http';
import { pooledHex } from '../crypto/random-pool.ts';

/** A request's place in its trace (W3C Trace Context); ids are lower-case hex. */
export interface TraceContext {
  /** 32 digits; the caller's if it sent a valid `traceparent`, otherwise new. */
  readonly traceId: string;
  /** 16 digits for this request in this service; always new. */
  readonly spanId: string;
  /** The caller's span; undefined if the trace begins here. */
  readonly parentSpanId: string | undefined;
  /** Whether the caller records the trace; forwarded unchanged. */
  readonly sampled: boolean;
}

const pattern =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;
const sampledFlag = 1;

/**
 * Parses the value of `traceparent` (W3C Trace Context §3.2). Undefined if it is not valid, for example if
 * two headers were joined. Versions above 00 may have further fields after the flags.
 */
export function parseTraceparent(value: string): Omit<TraceContext, 'spanId'> | undefined {
  const [, version, traceId, parentSpanId, flags, more] = pattern.exec(value) ?? [];
  if (traceId === undefined || flags === undefined) return undefined;
  if (version === '00' && more !== '') return undefined;
  const sampled = (Number.parseInt(flags, 16) & sampledFlag) === sampledFlag;
  return { traceId, parentSpanId, sampled };
}

/** Formats the `traceparent` of a request sent in this context, with its span as the parent. */
export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

const context = Symbol('trace context');

declare module 'node:http' {
  interface IncomingMessage {
    /** On the request itself: an entry in a weak map costs more than making a context. */
    [context]?: TraceContext;
  }
}

/** The context of a request: continued from the caller or begun on the first call, then the same object. */
export function traceContextOf(request: IncomingMessage): TraceContext {
  request[context] ??= makeContext(request.headers.traceparent);
  return request[context];
}

function makeContext(header: string | readonly string[] | undefined): TraceContext {
  const caller = typeof header === 'string' ? parseTraceparent(header) : undefined;
  return {
    traceId: caller?.traceId ?? newId(32),
    spanId: newId(16),
    parentSpanId: caller?.parentSpanId,
    sampled: caller?.sampled ?? false,
  };
}

function newId(digits: number): string {
  const id = pooledHex(digits);
  // All zeros is not a valid id.
  return /^0+$/.test(id) ? newId(digits) : id;
}
