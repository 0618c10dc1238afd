import type { ServiceError } from '../errors.ts';
import { Turns } from './turns.ts';

export interface FairQueueOptions {
  readonly maxRunning: number;
  /** The same of one source; absent: as many. */
  readonly maxRunningOfSource?: number;
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
  readonly #runningOf = new Map<string, number>();
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
    if (this.#mayRun(source)) this.#count(source, 1);
    else await this.#turnOf(source, signal);
    const { minHoldMs } = this.#options;
    const held = minHoldMs > 0 ? new Promise((done) => setTimeout(done, minHoldMs)) : undefined;
    try {
      return await work();
    } finally {
      if (held === undefined) this.#leave(source);
      else void held.then(() => this.#leave(source));
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
        this.#count(source, 1);
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
  #leave(source: string): void {
    this.#count(source, -1);
    this.#waiting.take((next) => this.#mayRun(next))?.start();
  }

  #mayRun(source: string): boolean {
    const { maxRunning, maxRunningOfSource = maxRunning } = this.#options;
    return this.#running < maxRunning && (this.#runningOf.get(source) ?? 0) < maxRunningOfSource;
  }

  #count(source: string, by: 1 | -1): void {
    this.#running += by;
    const count = (this.#runningOf.get(source) ?? 0) + by;
    if (count > 0) this.#runningOf.set(source, count);
    else this.#runningOf.delete(source);
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
