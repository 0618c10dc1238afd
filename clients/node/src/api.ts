// Made by `npm run openapi` of openapi/secureproxy.json.

export type Problem = {
  /** Path, at this service, of the page that explains the code */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  /** Stable error code */
  readonly code: "request_invalid" | "request_stale" | "session_invalid" | "caller_unauthenticated" | "grant_denied" | "destination_denied" | "route_not_found" | "token_not_found" | "type_not_found" | "method_not_allowed" | "token_expired" | "body_too_large" | "media_type_unsupported" | "rate_limited" | "internal" | "integrity_failed" | "upstream_invalid" | "upstream_unreachable" | "keyserver_unavailable" | "overloaded" | "upstream_timeout";
  /** Stable name of the check that failed */
  readonly reason?: string;
  /** With `request_stale`: KeyServer's clock, seconds since the Unix epoch */
  readonly now?: number;
  /** Of a token endpoint: the code of OAuth (RFC 6749 §5.2) */
  readonly error?: string;
  /** Of a token endpoint: the detail again, as OAuth calls it */
  readonly error_description?: string;
  readonly requestId: string;
};

export type CallRequest = {
  /** Client whose token is used: the operator's name for a marketplace account */
  readonly ClientId: string;
  /** Type of the client's token */
  readonly TokenType: string;
  /** URL of the marketplace to call; /path goes to the type's first destination, ~host/path to another one */
  readonly ApiUri: string;
  readonly Method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";
  /** Headers for the marketplace, up to 200 values and 64 KiB; the proxy adds the credential */
  readonly Headers?: { readonly [name: string]: string | readonly (string)[] };
  /** A string is sent as its text, any other value in the very bytes of its JSON; null with GET, HEAD or DELETE: no body */
  readonly Body?: unknown;
  /** A binary body in base64; not together with Body */
  readonly BodyBase64?: string;
  /** Timeout of the whole call, milliseconds */
  readonly TimeoutMs?: number;
};

export type Checked = {
  readonly verdict: "valid" | "expired" | "revoked" | "wrong_kind" | "limited" | "unreachable" | "unclear";
  /** The verdict in words */
  readonly detail: string;
  /** The marketplace's status */
  readonly status?: number;
  /** Why there is no answer of the marketplace */
  readonly code?: "request_invalid" | "request_stale" | "session_invalid" | "caller_unauthenticated" | "grant_denied" | "destination_denied" | "route_not_found" | "token_not_found" | "type_not_found" | "method_not_allowed" | "token_expired" | "body_too_large" | "media_type_unsupported" | "rate_limited" | "internal" | "integrity_failed" | "upstream_invalid" | "upstream_unreachable" | "keyserver_unavailable" | "overloaded" | "upstream_timeout";
  readonly reason?: string;
};

export type Explained = {
  /** Whether the call would be sent */
  readonly allowed: boolean;
  /** Error code that the call would get */
  readonly code?: "request_invalid" | "request_stale" | "session_invalid" | "caller_unauthenticated" | "grant_denied" | "destination_denied" | "route_not_found" | "token_not_found" | "type_not_found" | "method_not_allowed" | "token_expired" | "body_too_large" | "media_type_unsupported" | "rate_limited" | "internal" | "integrity_failed" | "upstream_invalid" | "upstream_unreachable" | "keyserver_unavailable" | "overloaded" | "upstream_timeout";
  /** Stable name of the check that failed */
  readonly reason?: string;
  readonly detail?: string;
  readonly steps: readonly ({
    readonly step: "authenticate" | "direct" | "url" | "grant" | "type" | "destination" | "operation" | "token" | "injection" | "request" | "limits" | "address";
    readonly ok: boolean;
    /** Error code that the call would get */
    readonly code?: "request_invalid" | "request_stale" | "session_invalid" | "caller_unauthenticated" | "grant_denied" | "destination_denied" | "route_not_found" | "token_not_found" | "type_not_found" | "method_not_allowed" | "token_expired" | "body_too_large" | "media_type_unsupported" | "rate_limited" | "internal" | "integrity_failed" | "upstream_invalid" | "upstream_unreachable" | "keyserver_unavailable" | "overloaded" | "upstream_timeout";
    /** Stable name of the check that failed */
    readonly reason?: string;
    readonly detail?: string;
    /** Id of the app */
    readonly app?: string;
    /** The parsed URL */
    readonly url?: string;
    /** The grant of the app that allows the call */
    readonly grant?: {
      readonly id: string;
      readonly client: string;
      readonly type: string;
      readonly methods?: readonly ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS")[];
      readonly paths?: readonly (string)[];
    };
    /** The destination of the type that allows the URL */
    readonly destination?: string;
    /** The call goes to this destination without the token */
    readonly plain?: true;
    /** This is a token endpoint: nothing is sent, the proxy answers with the app key */
    readonly tokenEndpoint?: true;
    /** Subjects of the CAs that alone are trusted for the type; absent: those of the proxy */
    readonly ca?: readonly (string)[];
    /** Seconds until the token expires; null: never */
    readonly expiresIn?: number | null;
    /** Headers that the proxy injects the token into */
    readonly headers?: readonly (string)[];
    /** Query parameters that the proxy injects the token into */
    readonly query?: readonly (string)[];
    /** The caller's headers that would not be forwarded */
    readonly dropped?: readonly ({
      readonly name: string;
      /** `injected`: the proxy sets it; `dropped`: the type drops it; `connection`: named in `Connection`; `not_sent`: callers may not set it */
      readonly why: "injected" | "dropped" | "connection" | "not_sent";
    })[];
    /** The limits that the call is under, as this proxy counts them */
    readonly limits?: readonly ({
      /** Its text; `signal`: only the marketplace limits the call */
      readonly limit: string;
      /** Calls of cost 1 that count now, also those that wait for their time */
      readonly used: number;
      /** Calls of cost 1 that could start now; null: any number */
      readonly calls: number | null;
      /** Time until a call of cost 1 could start, milliseconds; null: until one in progress ends */
      readonly waitMs: number | null;
      /** Time until it opens again after a signal of the marketplace, milliseconds */
      readonly closedMs: number;
    })[];
  })[];
  /** The request that would be sent, without the body and the token; absent if the proxy answers itself */
  readonly request?: {
    readonly method: string;
    readonly url: string;
    /** Names only */
    readonly headers: readonly (string)[];
  };
};
