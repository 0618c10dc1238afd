import type { Method } from '../../shared/policy/schema.ts';
import type { CallerHeaders } from '../http/request-headers.ts';

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
