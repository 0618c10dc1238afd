import type { ServiceError } from '../errors.ts';

export interface FairQueueOptions {
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** Work that has waited this long is rejected. */
  readonly queueTimeoutMs: number;
  /** Minimum time that a piece of work holds its place, which limits the rate to `maxRunning` in this time. */
  readonly minHoldMs: number;
  readonly rejection: () => ServiceError;
}

interface Waiting {
  readonly start: () => void;
  readonly reject: () => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * A bounded share of work for senders who are not known, fair by source: sources take turns, and when the
 * queue is full, the newest work of the source with the most is rejected. So a flood from one source rejects
 * its own work, and a source that begins amid it waits for one turn of each other.
 */
export class FairQueue {
  readonly #options: FairQueueOptions;
  /** By source, in the order of their turns. */
  readonly #waiting = new Map<string, Waiting[]>();
  #waitingCount = 0;
  #running = 0;

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waitingCount;
  }

  /** @throws ServiceError the rejection, besides what the work throws */
  async run<T>(source: string, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#options.maxRunning) this.#running += 1;
    else await this.#turnOf(source);
    const { minHoldMs } = this.#options;
    const held = minHoldMs > 0 ? new Promise((done) => setTimeout(done, minHoldMs)) : undefined;
    try {
      return await work();
    } finally {
      if (held === undefined) this.#leave();
      else void held.then(() => this.#leave());
    }
  }

  #turnOf(source: string): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const ofSource = this.#waiting.get(source) ?? [];
    const reject = () => {
      clearTimeout(timer);
      this.#remove(source, waiting);
      turn.reject(this.#options.rejection());
    };
    const timer = setTimeout(reject, this.#options.queueTimeoutMs);
    const waiting: Waiting = { start: turn.resolve, reject, timer };
    ofSource.push(waiting);
    this.#waiting.set(source, ofSource);
    this.#waitingCount += 1;
    if (this.#waitingCount > this.#options.maxWaiting) this.#longest().at(-1)?.reject();
    return turn.promise;
  }

  #longest(): readonly Waiting[] {
    let longest: readonly Waiting[] = [];
    for (const one of this.#waiting.values()) if (one.length >= longest.length) longest = one;
    return longest;
  }

  /** Hands the place on to the next source, so that nobody slips in between. */
  #leave(): void {
    const [next] = this.#waiting;
    const [source, [waiting] = []] = next ?? [''];
    if (waiting === undefined) {
      this.#running -= 1;
      return;
    }
    clearTimeout(waiting.timer);
    this.#remove(source, waiting);
    const rest = this.#waiting.get(source);
    if (rest !== undefined) {
      this.#waiting.delete(source);
      this.#waiting.set(source, rest);
    }
    waiting.start();
  }

  #remove(source: string, waiting: Waiting): void {
    const ofSource = this.#waiting.get(source) ?? [];
    ofSource.splice(ofSource.indexOf(waiting), 1);
    this.#waitingCount -= 1;
    if (ofSource.length === 0) this.#waiting.delete(source);
  }
}

/** The source that an address counts as: an IPv4 address, or the network of an IPv6 address (64 bits). */
export function sourceOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.split('%', 1).join('').split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - groups.length - rest.length;
  return [...groups, ...Array<string>(zeros).fill('0'), ...rest].slice(0, 4).join(':');
}
