import type { ServiceError } from '../errors.ts';
import { Turns } from './turns.ts';

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
  readonly reject: (error: unknown) => void;
}

/**
 * A bounded share of work for senders who are not known, fair by source: sources take turns, and when the
 * queue is full, the newest work of the source with the most is rejected. So a flood from one source rejects
 * its own work, and a source that begins amid it waits for one turn of each other.
 */
export class FairQueue {
  readonly #options: FairQueueOptions;
  readonly #waiting = new Turns<Waiting>();
  #running = 0;

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * @param signal ends the wait; work that has begun has to heed it by itself
   * @throws ServiceError the rejection, besides what the work throws; the signal's reason
   */
  async run<T>(source: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#running < this.#options.maxRunning) this.#running += 1;
    else await this.#turnOf(source, signal);
    const { minHoldMs } = this.#options;
    const held = minHoldMs > 0 ? new Promise((done) => setTimeout(done, minHoldMs)) : undefined;
    try {
      return await work();
    } finally {
      if (held === undefined) this.#leave();
      else void held.then(() => this.#leave());
    }
  }

  #turnOf(source: string, signal: AbortSignal | undefined): Promise<void> {
    const { queueTimeoutMs, maxWaiting, rejection } = this.#options;
    const turn = Promise.withResolvers<void>();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      this.#waiting.remove(source, waiting);
    };
    const waiting: Waiting = {
      start: () => {
        end();
        turn.resolve();
      },
      reject: (error) => {
        end();
        turn.reject(error);
      },
    };
    const onAbort = () => waiting.reject(signal?.reason);
    const timer = setTimeout(() => waiting.reject(rejection()), queueTimeoutMs);
    signal?.addEventListener('abort', onAbort);
    this.#waiting.add(source, waiting);
    if (this.waiting > maxWaiting) this.#waiting.newestOfLongest?.reject(rejection());
    return turn.promise;
  }

  /** Hands the place on to the next source, so that nobody slips in between. */
  #leave(): void {
    const next = this.#waiting.take();
    if (next === undefined) this.#running -= 1;
    else next.start();
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
