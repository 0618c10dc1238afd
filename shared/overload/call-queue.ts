import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

export interface CallQueueOptions {
  /** Most calls under way at once. */
  readonly max: number;
  /** How long a call waits for its turn before it is refused. */
  readonly queueTimeoutMs: number;
  readonly begin: RequestListener;
  readonly refuse: RequestListener;
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
const maxPerTurn = 32;
/** As many in a turn that took a connection: Node takes one a turn, and others wait for the next. */
const maxBesideConnection = 4;
/** Most calls that wait, by `max`: they are in memory. */
const waitingByMax = 4;

/**
 * Calls begin in the order in which they came: so many in a turn of the event loop, and no more than `max` at once.
 * The others wait for `queueTimeoutMs` at most and are refused then; so is, at once, who finds too many waiting.
 */
export class CallQueue {
  readonly #options: CallQueueOptions;
  readonly #waiting = new Set<WaitingCall>();
  readonly #waitedMs = new WeakMap<IncomingMessage, number>();
  #underWay = 0;
  #begun = 0;
  #maxThisTurn = maxPerTurn;
  #isTurnComing = false;

  constructor(options: CallQueueOptions) {
    this.#options = options;
  }

  /** Takes in a call that came. */
  take(request: IncomingMessage, response: ServerResponse): void {
    const { max, refuse } = this.#options;
    if (this.#waiting.size === 0 && this.#hasRoom()) this.#begin(request, response);
    else if (this.#waiting.size < waitingByMax * max) this.#wait(request, response);
    else refuse(request, response);
  }

  /** How long a call that has begun had to wait, milliseconds; undefined where it did not. */
  waitedMs(request: IncomingMessage): number | undefined {
    return this.#waitedMs.get(request);
  }

  /** A call that has begun is under way until its response closes. */
  enter(response: ServerResponse): void {
    this.#underWay += 1;
    response.once('close', this.#leave);
  }

  /** Keeps this turn short. */
  connectionTaken(): void {
    this.#maxThisTurn = maxBesideConnection;
  }

  readonly #leave = () => {
    this.#underWay -= 1;
    if (this.#waiting.size > 0) this.#askForTurn();
  };

  #hasRoom(): boolean {
    return this.#underWay < this.#options.max && this.#begun < this.#maxThisTurn;
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    this.#begun += 1;
    this.#askForTurn();
    this.#options.begin(request, response);
  }

  #wait(request: IncomingMessage, response: ServerResponse): void {
    const timer = setTimeout(() => this.#giveUp(call), this.#options.queueTimeoutMs);
    const call = { request, response, since: performance.now(), timer };
    this.#waiting.add(call);
  }

  #giveUp(call: WaitingCall): void {
    this.#waiting.delete(call);
    this.#options.refuse(call.request, call.response);
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
    const { request, response, since, timer } = call;
    clearTimeout(timer);
    // Who hung up is counted with those that were refused.
    if (response.destroyed) {
      this.#giveUp(call);
      return;
    }
    this.#waiting.delete(call);
    this.#waitedMs.set(request, performance.now() - since);
    this.#begin(request, response);
  }
}
