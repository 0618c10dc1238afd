import type { Method } from '../../shared/policy/schema.ts';
import type { CallerHeaders } from '../http/request-headers.ts';

/** A call that an app asks for. */
export interface Call {
  readonly appKey: string | null;
  readonly clientId: string;
  readonly tokenType: string;
  readonly method: Method;
  readonly url: string;
  readonly headers: CallerHeaders;
  readonly body: Buffer | string | null;
  /** Timeout of the whole call, if shorter than `UPSTREAM_TOTAL_TIMEOUT_MS`. */
  readonly timeoutMs: number | undefined;
}
