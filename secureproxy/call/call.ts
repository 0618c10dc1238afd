import type { Method } from '../../shared/policy/schema.ts';
import type { KeyedBody } from '../body-keys/keyed-body.ts';
import type { CallerHead } from '../http/caller-head.ts';
import type { CallerHeaders } from '../http/request-headers.ts';
import type { StreamedBody } from '../upstream/streamed-body.ts';

/** Bytes, which may be a span of those that were received; a stream, which can be sent once; or no body. */
export type SendableBody = Buffer | StreamedBody | null;

/** A body with the app key becomes one that can be sent once its type is known. */
export type CallBody = SendableBody | KeyedBody;

/** A call that an app asks for, by whichever route. */
export interface Call {
  readonly appKey: string | null;
  readonly clientId: string;
  readonly tokenType: string;
  readonly method: Method;
  readonly url: string;
  readonly headers: CallerHeaders;
  /** The head that the headers are of, if requests with equal ones share it. */
  readonly head?: CallerHead;
  readonly body: CallBody;
  /** Timeout of the call in milliseconds, if shorter than `UPSTREAM_TOTAL_TIMEOUT_MS`. */
  readonly timeoutMs: number | undefined;
  /**
   * The path under which the caller sees the marketplace, `/forward/shop-1/ozon`: answers are those of a server at
   * this path, and the timeout ends with their head. Undefined for a call in an envelope, which sees the
   * marketplace's own URLs.
   */
  readonly base: string | undefined;
}
