import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

export interface CallQueueOptions {
  /** Maximum number of calls in progress. */
  readonly max: number;
  /** A call that has waited this long is rejected. */
  readonly queueTimeoutMs: number;
  readonly reject: RequestListener;
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

/**
 * Begins calls in order of arrival, a limited number per turn of the event loop and `max` at once. Other calls
 * wait up to `queueTimeoutMs`, then are rejected; a call that finds the queue full is rejected at once.
 */
export class CallQueue implements CallsInProgress {
  readonly #options: CallQueueOptions;
  readonly #waiting = new Set<WaitingCall>();
  readonly #waitedMs = new WeakMap<IncomingMessage, number>();
  #underWay = 0;
  #begun = 0;
  #maxThisTurn = maxPerTurn;
  #isTurnComing = false;
  #onLeave: () => void = () => undefined;

  constructor(options: CallQueueOptions) {
    this.#options = options;
  }

  /** @param begin called when it is the call's turn */
  take(request: IncomingMessage, response: ServerResponse, begin: RequestListener): void {
    const { max, reject } = this.#options;
    if (this.#waiting.size === 0 && this.#hasRoom()) this.#begin(request, response, begin);
    else if (this.#waiting.size < maxWaitingByMax * max) this.#wait(request, response, begin);
    else reject(request, response);
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
    response.once('close', this.#leave);
  }

  /** Keeps this turn short. */
  connectionTaken(): void {
    this.#maxThisTurn = maxBesideConnection;
  }

  stepAside(): void {
    this.#underWay -= 1;
    this.#onLeave();
    if (this.#waiting.size > 0) this.#askForTurn();
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

  #wait(request: IncomingMessage, response: ServerResponse, begin: RequestListener): void {
    const timer = setTimeout(() => this.#reject(call), this.#options.queueTimeoutMs);
    const call = { request, response, begin, since: performance.now(), timer };
    this.#waiting.add(call);
  }

  #reject(call: WaitingCall): void {
    this.#waiting.delete(call);
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
    for (const call of this.#waiting) {
      if (!this.#hasRoom()) break;
      this.#resume(call);
    }
    this.#maxThisTurn = maxPerTurn;
  }

  #resume(call: WaitingCall): void {
    const { request, response, begin, since, timer } = call;
    clearTimeout(timer);
    // A call whose caller disconnected is counted as rejected.
    if (response.destroyed) {
      this.#reject(call);
      return;
    }
    this.#waiting.delete(call);
    this.#waitedMs.set(request, performance.now() - since);
    this.#begin(request, response, begin);
  }
}
