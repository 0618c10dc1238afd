import type { IncomingHttpHeaders } from 'node:http';
import type { BodyFilter } from './body-filter.ts';
import { contentTypeOf } from './charsets.ts';

export function isEventStream(headers: IncomingHttpHeaders): boolean {
  return /^\s*text\/event-stream\s*(?:;|$)/i.test(contentTypeOf(headers));
}

/** Ends of an event: two line ends in a row, of which there are three kinds (HTML standard, "Server-sent events"). */
const blankLines = ['\n\n', '\r\r', '\n\r'];

/**
 * Lets each event of a `text/event-stream` pass at its end, since a filter holds back the end of what it is
 * given, and the next event may take hours. What is released still depends on no secret.
 */
export class EventStreamFilter implements BodyFilter {
  readonly #filter: BodyFilter;
  #lastByte: Buffer = Buffer.alloc(0);

  constructor(filter: BodyFilter) {
    this.#filter = filter;
  }

  get redactions(): number {
    return this.#filter.redactions;
  }

  write(chunk: Buffer): Buffer {
    const end = this.#endOfEvents(chunk);
    this.#lastByte = Buffer.from(chunk.subarray(-1));
    if (end <= 0) return this.#filter.write(chunk);
    const events = this.#filter.end(chunk.subarray(0, end));
    return Buffer.concat([events, this.#filter.write(chunk.subarray(end))]);
  }

  end(last?: Buffer): Buffer {
    return this.#filter.end(last);
  }

  /** Number of the chunk's bytes up to the end of its last event; 0 or less: it ends none. */
  #endOfEvents(chunk: Buffer): number {
    const bytes = Buffer.concat([this.#lastByte, chunk]);
    const at = Math.max(...blankLines.map((blank) => bytes.lastIndexOf(blank)));
    return at < 0 ? 0 : at + 2 - this.#lastByte.length;
  }
}
