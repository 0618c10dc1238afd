import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Turns } from './turns.ts';

export interface CallQueueOptions {
  /** Maximum number of calls in progress. */
  readonly max: number;
  /** A call that has waited this long is rejected, unless there are places for all that wait. */
  readonly queueTimeoutMs: number;
  readonly reject: RequestListener;
  /**
   * The known caller of a call, undefined for a stranger's; asked only if the call has to wait. By default all calls are
   * of one known caller.
   */
  readonly callerOf?: (request: IncomingMessage) => string | undefined;
}

/** The calls in progress, for a queue behind this one. */
export interface CallsInProgress {
  /** Number of calls that could be in progress besides those that are; may be negative. */
  readonly free: number;
  /** Takes a call out of the count while it waits elsewhere; `stepBack` must follow. */
  stepAside(): void;
  stepBack(): void;
  /** Sets what is called, in the same turn of the event loop, whenever a call ends or steps aside. */
  onLeave(listener: () => void): void;
}

interface WaitingCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly begin: RequestListener;
  readonly since: number;
  readonly timer: NodeJS.Timeout;
  /** Undefined: a stranger. */
  readonly caller: string | undefined;
}

/**
 * Maximum number of calls that begin in one turn of the event loop. Excess calls wait as parsed requests only;
 * half-started calls would thrash caches and lower throughput.
 */
const maxPerTurn = 32;
/** The same in a turn that accepted a connection: Node accepts one per turn, and others may be waiting. */
const maxBesideConnection = 4;
/** Maximum number of waiting calls, as a multiple of `max`: they are in memory. */
const maxWaitingByMax = 4;
/** The same for strangers' calls. */
const maxStrangersByMax = 3;
/** Of so many waiting calls that begin, one is a stranger's, if any waits. */
const strangersShare = 4;

/**
 * Begins calls, a limited number per turn of the event loop and `max` at once. Other calls wait up to
 * `queueTimeoutMs`, then are rejected if more wait than there are places. Known callers go before strangers and take
 * turns, so that nobody's burst delays another; each one's calls, and all of strangers, are in order of arrival. If the
 * queue is full, the caller with the most has its newest call rejected.
 */
export class CallQueue implements CallsInProgress {
  readonly #options: CallQueueOptions;
  readonly #known = new Turns<WaitingCall>();
  readonly #strangers = new Set<WaitingCall>();
  readonly #waitedMs = new WeakMap<IncomingMessage, number>();
  #underWay = 0;
  #begun = 0;
  #sinceStranger = 0;
  #maxThisTurn = maxPerTurn;
  #isTurnComing = false;
  #onLeave: () => void = () => undefined;

  constructor(options: CallQueueOptions) {
    this.#options = options;
  }

  /** @param begin called when it is the call's turn */
  take(request: IncomingMessage, response: ServerResponse, begin: RequestListener): void {
    const { max, callerOf = () => '' } = this.#options;
    if (this.#waiting === 0 && this.#hasRoom()) {
      this.#begin(request, response, begin);
      return;
    }
    const call = this.#wait(request, response, begin, callerOf(request));
    const isFull = this.#waiting > maxWaitingByMax * max;
    if (call.caller !== undefined) {
      if (isFull) this.#reject(this.#known.newestOfLongest ?? call);
    } else if (isFull || this.#strangers.size > maxStrangersByMax * max) this.#reject(call);
  }

  get #waiting(): number {
    return this.#known.size + this.#strangers.size;
  }

  get free(): number {
    return this.#options.max - this.#underWay;
  }

  stepBack(): void {
    this.#underWay += 1;
  }

  /** Milliseconds that a call had to wait before it began; undefined if it did not. */
  waitedMs(request: IncomingMessage): number | undefined {
    return this.#waitedMs.get(request);
  }

  /** Counts a call that has begun as in progress until its response closes. */
  enter(response: ServerResponse): void {
    this.#underWay += 1;
    response.on('close', this.#leave);
  }

  /** Keeps this turn short. */
  connectionTaken(): void {
    this.#maxThisTurn = maxBesideConnection;
  }

  stepAside(): void {
    this.#underWay -= 1;
    this.#onLeave();
    if (this.#waiting > 0) this.#askForTurn();
  }

  onLeave(listener: () => void): void {
    this.#onLeave = listener;
  }

  readonly #leave = () => this.stepAside();

  #hasRoom(): boolean {
    return this.free > 0 && this.#begun < this.#maxThisTurn;
  }

  #begin(request: IncomingMessage, response: ServerResponse, begin: RequestListener): void {
    this.#begun += 1;
    this.#askForTurn();
    begin(request, response);
  }

  #wait(
    request: IncomingMessage,
    response: ServerResponse,
    begin: RequestListener,
    caller: WaitingCall['caller'],
  ): WaitingCall {
    const timer = setTimeout(() => this.#timeOut(call), this.#options.queueTimeoutMs);
    const call = { request, response, begin, since: performance.now(), timer, caller };
    if (caller === undefined) this.#strangers.add(call);
    else this.#known.add(caller, call);
    return call;
  }

  /** If there are places for all, the call waits for the event loop alone: a busy machine is not a crowd. */
  #timeOut(call: WaitingCall): void {
    if (this.#waiting > this.free) this.#reject(call);
    else call.timer.refresh();
  }

  #reject(call: WaitingCall): void {
    clearTimeout(call.timer);
    if (call.caller === undefined) this.#strangers.delete(call);
    else this.#known.remove(call.caller, call);
    this.#options.reject(call.request, call.response);
  }

  #askForTurn(): void {
    if (this.#isTurnComing) return;
    this.#isTurnComing = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isTurnComing = false;
    this.#begun = 0;
    while (this.#hasRoom()) {
      const call = this.#next();
      if (call === undefined) break;
      this.#resume(call);
    }
    this.#maxThisTurn = maxPerTurn;
  }

  #next(): WaitingCall | undefined {
    const isStrangersTurn = this.#sinceStranger + 1 >= strangersShare;
    const isKnownFirst = this.#strangers.size === 0 || (!isStrangersTurn && this.#known.size > 0);
    if (isKnownFirst) return this.#known.take();
    const [call] = this.#strangers;
    if (call !== undefined) this.#strangers.delete(call);
    return call;
  }

  #resume(call: WaitingCall): void {
    const { request, response, begin, since, timer, caller } = call;
    clearTimeout(timer);
    // A call whose caller disconnected is counted as rejected.
    if (response.destroyed) {
      this.#reject(call);
      return;
    }
    this.#sinceStranger = caller === undefined ? 0 : this.#sinceStranger + 1;
    this.#waitedMs.set(request, performance.now() - since);
    this.#begin(request, response, begin);
  }
}
