interface Event {
  readonly at: number;
  readonly run: () => void;
}

/** What is yet to happen, as a binary heap; time is that of what happens now. */
export class EventQueue {
  #now = 0;
  readonly #heap: Event[] = [];

  get now(): number {
    return this.#now;
  }

  schedule(at: number, run: () => void): void {
    const heap = this.#heap;
    const event = { at, run };
    let place = heap.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.at <= at) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = event;
  }

  /** Lets everything happen in the order of time, until nothing is left. */
  runAll(): void {
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      this.#now = next.at;
      next.run();
    }
  }

  #take(): Event | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(last);
    return first;
  }

  /** Puts an event in place of the first, and then where it belongs. */
  #sink(event: Event): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const [one, other] = [heap[left], heap[left + 1]];
      if (one === undefined) break;
      const isOther = other !== undefined && other.at < one.at;
      const child = isOther ? other : one;
      if (child.at >= event.at) break;
      heap[place] = child;
      place = isOther ? left + 1 : left;
    }
    heap[place] = event;
  }
}
