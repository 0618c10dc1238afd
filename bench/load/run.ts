import { type Dispatcher, Pool } from 'undici';
import { LoadCount } from './count.ts';
import { runPacedLoad } from './paced.ts';

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

/** No answer of a healthy service takes this long; a run must end. */
const timeoutMs = 30_000;

/** Runs a load to its end, over new connections without pipelining. */
export async function runLoad(order: LoadOrder): Promise<LoadOutcome> {
  const { method, url, use, most = Infinity, concurrency, ratePerSecond, ca } = order;
  const bodies = bodiesOf(order);
  if (ratePerSecond !== undefined) return runPacedLoad({ ...order, ratePerSecond }, bodies);
  const { origin, pathname: path } = new URL(url);
  const pool = new Pool(origin, {
    connections: concurrency,
    pipelining: 1,
    allowH2: false,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    ...(ca !== undefined && { connect: { ca } }),
  });
  const type = method === 'POST' ? { 'content-type': 'application/json' } : {};
  const headers = { ...type, ...order.headers };
  const count = new LoadCount();
  const isLeft = () => count.elapsedMs() < order.seconds * 1000 && count.requests < most;
  const call = async (caller: number) => {
    while (isLeft()) {
      const body = bodies[(use === 'by-caller' ? caller : count.requests) % bodies.length] ?? null;
      const sentAt = count.sent();
      count.answered(await ask(pool, { method, path, headers, body }), sentAt);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, caller) => call(caller)));
  const outcome = count.outcome();
  await pool.close();
  return outcome;
}

function bodiesOf({ bodies, letters = 0, use, concurrency }: LoadOrder): Buffer[] {
  const text = 'x'.repeat(letters);
  // Callers of one body each need no more, which may be large.
  const needed = use === 'by-caller' ? bodies.slice(0, concurrency) : bodies;
  return needed.map((body) => Buffer.from(body.replace(lettersMark, text)));
}

/** Resolves to the status once the whole answer is there; 0 where none came. */
function ask(pool: Pool, request: Dispatcher.DispatchOptions): Promise<number> {
  return new Promise((done) => {
    let status = 0;
    // Dispatch level: the load shares its core with the upstream.
    pool.dispatch(request, {
      onRequestStart() {},
      onResponseStart(_controller, received) {
        status = received;
      },
      onResponseData() {},
      onResponseEnd: () => done(status),
      onResponseError: () => done(0),
    });
  });
}
