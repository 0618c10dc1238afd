import type { IncomingMessage } from 'node:http';

type RawHeaders = readonly string[];

/** The headers of a caller's request, names and values alternating, and what was made of them. */
export class CallerHead {
  readonly raw: RawHeaders;
  readonly #made = new Map<unknown, unknown>();

  constructor(raw: RawHeaders) {
    this.raw = raw;
  }

  /** The result of `make` for the headers, made once; other requests may share it. @throws what `make` throws */
  derive<V>(make: (raw: RawHeaders) => V): V {
    if (!this.#made.has(make)) this.#made.set(make, make(this.raw));
    return this.#made.get(make) as V;
  }

  equals(raw: RawHeaders): boolean {
    return raw.length === this.raw.length && raw.every((text, at) => text === this.raw[at]);
  }
}

const newest = Symbol('newest head');

declare module 'node:net' {
  interface Socket {
    [newest]?: CallerHead;
  }
}

/** The head of a request; the one before it on the same connection if that is equal, since many callers repeat theirs. */
export function headOf({ rawHeaders, socket }: IncomingMessage): CallerHead {
  const before = socket[newest];
  if (before?.equals(rawHeaders)) return before;
  const head = new CallerHead(rawHeaders);
  socket[newest] = head;
  return head;
}
