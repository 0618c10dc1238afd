/** A run of the load generator. */
export interface LoadOrder {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON texts to post; empty with GET. */
  readonly bodies: readonly string[];
  /** Count of letters that replace {@link lettersMark} in a body: too many to send with the order. */
  readonly letters?: number;
  /** Whether each caller has its own body, or each request takes the next one. */
  readonly use: 'by-caller' | 'by-turns';
  /** Ends the run early. */
  readonly maxRequests?: number;
  /** Callers, each of which waits for its answer before the next request. With a rate: connections. */
  readonly concurrency: number;
  /** Rate of requests, sent whether or not earlier ones were answered; undefined: as fast as they are answered. */
  readonly ratePerSecond?: number;
  readonly seconds: number;
  /** CA of the service's certificate, PEM. */
  readonly ca?: string;
}

export interface LoadOutcome {
  /** All requests, failed ones included. */
  readonly requests: number;
  /** Requests without an answer or with a status other than 200. */
  readonly errors: number;
  /** Errors with status 503. */
  readonly refused: number;
  /** From the first request to the last answer, or with a rate to the last request. */
  readonly seconds: number;
  /** Latency of answers with status 200, like p99. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** See {@link LoadOrder.letters}. */
export const lettersMark = '{letters}';
