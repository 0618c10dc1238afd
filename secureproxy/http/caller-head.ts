import type { IncomingMessage } from 'node:http';

type RawHeaders = readonly string[];

/** The headers of a caller's request, names and values alternating, and what was made of them. */
export class CallerHead {
  readonly raw: RawHeaders;
  readonly #made = new WeakMap<object, unknown>();

  constructor(raw: RawHeaders) {
    this.raw = raw;
  }

  /**
   * The result of `make` for the headers, made once per `key`; other requests may share it.
   * @param key `make` itself, or what else its result depends on
   * @throws what `make` throws
   */
  derive<V extends {}>(make: (raw: RawHeaders) => V, key: object = make): V {
    let made = this.#made.get(key) as V | undefined;
    if (made === undefined) {
      made = make(this.raw);
      this.#made.set(key, made);
    }
    return made;
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
