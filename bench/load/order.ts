/** What the load generator is to do. */
export interface LoadOrder {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON texts to post; none with GET. */
  readonly bodies: readonly string[];
  /** Makes so many letters of {@link lettersMark} in a body: too many to send with an order. */
  readonly letters?: number;
  /** Whether each caller keeps to one of them, or each request takes the next one. */
  readonly use: 'by-caller' | 'by-turns';
  /** The run ends early after so many requests. */
  readonly most?: number;
  /** Callers at a time, each waiting for its answer before it asks again; connections where there is a rate. */
  readonly concurrency: number;
  /** Requests that are to be sent in a second, whether or not those before were answered; undefined: as many as are answered. */
  readonly ratePerSecond?: number;
  readonly seconds: number;
  /** CA that the service's certificate is checked by, PEM. */
  readonly ca?: string;
}

export interface LoadOutcome {
  /** All that were sent, with those that failed. */
  readonly requests: number;
  /** Without an answer, or with one of another status than 200. */
  readonly errors: number;
  /** Those of the errors that were answered by 503. */
  readonly refused: number;
  /** From the first request to the last answer; with a rate, to the last request. */
  readonly seconds: number;
  /** Of the answers of status 200, as all that follow. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** See {@link LoadOrder.letters}. */
export const lettersMark = '{letters}';
