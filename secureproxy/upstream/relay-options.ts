import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { ServiceError } from '../../shared/errors.ts';
import type { Scrubber } from '../scrub/scrubber.ts';
import type { Deadline } from './deadline.ts';
import type { StreamedBody } from './streamed-body.ts';

/** The request to send upstream; `headers` alternates names and values. */
export interface UpstreamRequest {
  readonly path: string;
  readonly method: string;
  readonly headers: string[];
  readonly body: Buffer | StreamedBody | null;
}

export interface RelayOptions {
  readonly deadline: Deadline;
  /** The caller's request is the upstream's: HEAD is HEAD, and the deadline ends with the answer's head. */
  readonly isForwarded: boolean;
  /** Timeout of each pause in which the caller does not read: of a forwarded answer, and of the end of any. */
  readonly idleTimeoutMs: number;
  /** Redacts the answer; undefined: it passes unchanged. */
  readonly scrubber: Scrubber | undefined;
  /**
   * Called when a connection is free for the request, with what ends the call from then on. False: nothing is sent.
   */
  onStart(cut: (error: ServiceError) => void): boolean;
  /** True if an answer with this head is not wanted: the request is to be sent again. */
  isRefused(status: number, headers: IncomingHttpHeaders): boolean;
  /** Makes the headers of the answer from the upstream's. */
  answerHeaders(headers: IncomingHttpHeaders, status: number): OutgoingHttpHeaders;
  /** Called with the body as it is sent on, piece by piece; of an answer that is not wanted, as it came. */
  onBody(bytes: Buffer): void;
  /** Called once the head was written: from then on, no error can be answered. */
  onAnswer(): void;
  /** Called once, before the caller sees the end; not called if the caller was gone before the call. */
  onEnd(outcome: RelayOutcome): void;
}

/** How a relayed call ended. `error` is set if no answer began, or if it broke off. */
export interface RelayOutcome {
  /** Undefined if no answer began. */
  readonly status: number | undefined;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly scrubbed: number;
  /** How often the request was sent again. */
  readonly retries: number;
  readonly error?: ServiceError;
}
