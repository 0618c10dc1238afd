import { type Dispatcher, Pool } from 'undici';
import { LoadCount } from './count.ts';
import { type LoadOrder, type LoadOutcome, lettersMark } from './order.ts';
import { runPacedLoad } from './paced.ts';

/** Longer than any answer of a healthy service; a run must end. */
const timeoutMs = 30_000;

/** Runs a load to its end, over new connections without pipelining. */
export async function runLoad(order: LoadOrder): Promise<LoadOutcome> {
  const { method, url, use, maxRequests = Infinity, concurrency, ratePerSecond, ca } = order;
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
  const isLeft = () => count.elapsedMs() < order.seconds * 1000 && count.requests < maxRequests;
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
  // Each caller has one body, and bodies may be large.
  const needed = use === 'by-caller' ? bodies.slice(0, concurrency) : bodies;
  return needed.map((body) => Buffer.from(body.replace(lettersMark, text)));
}

/** Resolves to the status when the answer is complete; 0 without a complete answer. */
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
