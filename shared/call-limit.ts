import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { refuser } from './call-refusals.ts';
import { toMilliseconds } from './request-log.ts';
import type { Service } from './service.ts';

export interface CallLimitOptions {
  /** Most calls under way at once. */
  readonly max: number;
  /** How long a call waits for its turn before it is refused, and what its caller is asked to wait then. */
  readonly patienceMs: number;
  /** For `Proxy-Status` on refusals; undefined: none. */
  readonly proxyName: string | undefined;
}

interface WaitingCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly since: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Most calls that begin in one turn of the event loop. Where more come than can be done, the others wait as
 * requests that have been read and no more, and not half done, each with all that belongs to a call: the whole
 * would take longer. A turn that begins so many takes as long as they take, so it costs no throughput.
 */
const begunInTurn = 32;
/** As many in a turn that took a connection: Node takes one a turn, and others wait for the next. */
const begunBesideConnection = 4;
/** Most calls that wait, by `max`: they are in memory. */
const waitingByMax = 4;

/**
 * Lets calls of a scope's routes begin in the order in which they came: so many in a turn of the event loop, and
 * no more than `max` at once. The others wait ahead of the framework, for `patienceMs` at most, and are refused
 * then; so are those who find too many waiting, at once. A call is under way from when it was received whole, so
 * that who is slow to send keeps nobody out.
 */
export function limitCalls(scope: Service, { max, patienceMs, proxyName }: CallLimitOptions): void {
  const { server, log } = scope;
  const paths = new Set<string>();
  scope.addHook('onRoute', ({ url }) => void paths.add(url));
  const refuse = refuser(log, { retryAfterSeconds: Math.ceil(patienceMs / 1000), proxyName });
  const waiting = new Set<WaitingCall>();
  const queuedMs = new WeakMap<IncomingMessage, number>();
  let underWay = 0;
  let begun = 0;
  let begunMost = begunInTurn;
  let isTurnComing = false;
  const hasRoom = () => underWay < max && begun < begunMost;
  const nextTurn = () => {
    if (isTurnComing) return;
    isTurnComing = true;
    setImmediate(() => {
      isTurnComing = false;
      begun = 0;
      for (const call of waiting) {
        if (!hasRoom()) break;
        resume(call);
      }
      begunMost = begunInTurn;
    });
  };
  const begin: RequestListener = (request, response) => {
    begun += 1;
    nextTurn();
    serve(request, response);
  };
  const resume = (call: WaitingCall) => {
    const { request, response, since, timer } = call;
    clearTimeout(timer);
    waiting.delete(call);
    queuedMs.set(request, performance.now() - since);
    // Who hung up is counted with those that were refused.
    if (response.destroyed) refuse(request, response);
    else begin(request, response);
  };
  const giveUp = (call: WaitingCall) => {
    waiting.delete(call);
    refuse(call.request, call.response);
  };
  const wait: RequestListener = (request, response) => {
    const timer = setTimeout(() => giveUp(call), patienceMs);
    const call = { request, response, since: performance.now(), timer };
    waiting.add(call);
  };
  const leave = () => {
    underWay -= 1;
    if (waiting.size > 0) nextTurn();
  };
  scope.addHook('preHandler', ({ raw, logFields }, reply, done) => {
    underWay += 1;
    reply.raw.once('close', leave);
    const queued = queuedMs.get(raw);
    if (queued !== undefined) logFields['queue.duration_ms'] = toMilliseconds(queued);
    done();
  });
  server.on('connection', () => {
    begunMost = begunBesideConnection;
  });
  // Fastify has no place ahead of its own work.
  const [serve] = server.listeners('request') as [RequestListener];
  server.removeListener('request', serve);
  server.on('request', (request, response) => {
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (!paths.has(path)) serve(request, response);
    else if (waiting.size === 0 && hasRoom()) begin(request, response);
    else if (waiting.size < waitingByMax * max) wait(request, response);
    else refuse(request, response);
  });
}
