import type { EventQueue } from './event-queue.ts';

/** Alike workers of one core each, every one with a queue of its own; a visit goes to any of them. */
export class Station {
  readonly #events: EventQueue;
  readonly #random: () => number;
  readonly #freeAt: Float64Array;
  #given = 0;

  constructor(events: EventQueue, random: () => number, workers: number) {
    this.#events = events;
    this.#random = random;
    this.#freeAt = new Float64Array(workers);
  }

  /** A worker for a request, which comes back to the same one. Nothing knows who has least to do. */
  pick(): number {
    return Math.floor(this.#random() * this.#freeAt.length);
  }

  /** Queues for a worker, has it work for so long, and then goes on. */
  visit(worker: number, time: number, then: () => void): void {
    const end = Math.max(this.#events.now, this.#freeAt[worker] ?? 0) + time;
    this.#freeAt[worker] = end;
    this.#given += time;
    this.#events.schedule(end, then);
  }

  /** Work that all workers have done by now. */
  done(): number {
    const { now } = this.#events;
    return this.#freeAt.reduce((done, freeAt) => done - Math.max(0, freeAt - now), this.#given);
  }

  get workers(): number {
    return this.#freeAt.length;
  }
}
