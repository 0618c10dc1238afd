import type { BodyFilter } from './body-filter.ts';
import type { Span } from './search/form-matcher.ts';
import type { Steps } from './search/readings.ts';
import { type Candidate, lookaheadBytes, type SecretSearch } from './search/secret-search.ts';

/** Small chunks are searched together. */
const batchBytes = 256;
const nothing = Buffer.alloc(0);

interface Window {
  readonly bytes: Buffer;
  readonly base: number;
}

/** Redacts every occurrence of the secrets in a body; occurrences that overlap count as one. */
export class SecretFilter implements BodyFilter {
  redactions = 0;
  readonly #search: SecretSearch;
  /** A byte is released once so many from it on have arrived. */
  readonly #heldBytes: number;
  #held: Buffer[] = [];
  /** Offsets in the body: of the bytes received, searched and released, and of the end of what is redacted. */
  #received = 0;
  #searched = 0;
  #released = 0;
  #redactedTo = 0;
  /** Sorted; those that may not be released yet. */
  #spans: Span[] = [];
  #open: Candidate[] = [];
  readonly #steps: Steps;

  constructor(search: SecretSearch, steps: Steps = { taken: 0, max: Infinity }) {
    this.#search = search;
    this.#steps = steps;
    this.#heldBytes = search.maxBytes + lookaheadBytes;
  }

  write(chunk: Buffer): Buffer {
    this.#received += chunk.length;
    const to = this.#received - lookaheadBytes;
    if (to - this.#searched < batchBytes) {
      // Copied, since a view would keep its whole chunk in memory.
      this.#held.push(Buffer.from(chunk));
      return nothing;
    }
    const pieces: Buffer[] = [];
    const window = this.#windowOver(chunk, pieces);
    this.#look(window, to, false);
    this.#release(window, this.#received - this.#heldBytes, pieces);
    this.#held = [Buffer.from(window.bytes.subarray(this.#released - window.base))];
    return joined(pieces);
  }

  end(last: Buffer = nothing): Buffer {
    this.#received += last.length;
    const pieces: Buffer[] = [];
    const window = this.#windowOver(last, pieces);
    this.#look(window, this.#received, true);
    this.#release(window, this.#received, pieces);
    this.#held = [];
    return joined(pieces);
  }

  /** The held bytes and the chunk. To save a copy of a large chunk, the held ones are released with its begin. */
  #windowOver(chunk: Buffer, pieces: Buffer[]): Window {
    const base = this.#released;
    if (this.#held.length === 0) return { bytes: chunk, base };
    const seam = 2 * this.#heldBytes;
    if (chunk.length <= 2 * seam) return { bytes: Buffer.concat([...this.#held, chunk]), base };
    const begin = this.#received - chunk.length;
    const window = { bytes: Buffer.concat([...this.#held, chunk.subarray(0, seam)]), base };
    this.#look(window, begin + this.#heldBytes, false);
    this.#release(window, begin, pieces);
    return { bytes: chunk, base: begin };
  }

  #look({ bytes, base }: Window, to: number, isLast: boolean): void {
    const search = this.#search;
    const text = { bytes, isLast, steps: this.#steps };
    search.grant(this.#steps, to - this.#searched);
    const found = search.search(text, this.#searched - base, to - base);
    this.#searched = to;
    // Most texts have nothing that looks like a secret.
    if (this.#open.length + found.open.length + found.spans.length === 0) return;
    const waiting = [...this.#open, ...found.open.map((one) => ({ ...one, at: one.at + base }))];
    const open: Candidate[] = [];
    // A candidate that has waited long enough is judged by the bytes that have come.
    const whole = { ...text, isLast: true };
    for (const candidate of waiting) {
      const isDecided =
        isLast || candidate.at + search.maxBytesFrom(candidate) <= base + bytes.length;
      if (!isDecided) open.push(candidate);
      else search.judge(whole, { ...candidate, at: candidate.at - base }, found);
    }
    this.#open = open;
    for (const { start, end, form } of found.spans) {
      this.#spans.push({ start: start + base, end: end + base, form });
    }
    this.#spans.sort((one, other) => one.start - other.start);
  }

  /** Adds to the pieces all that precedes an offset, redacted. */
  #release({ bytes, base }: Window, to: number, pieces: Buffer[]): void {
    if (to <= this.#released) return;
    let count = 0;
    for (const { start, end, form } of this.#spans) {
      if (start >= to) break;
      count++;
      if (start >= this.#redactedTo) {
        pieces.push(bytes.subarray(this.#from() - base, start - base), form.replacement);
        this.redactions++;
      }
      this.#redactedTo = Math.max(this.#redactedTo, end);
      this.#released = Math.max(this.#released, start);
    }
    this.#spans.splice(0, count);
    if (to > this.#from()) pieces.push(bytes.subarray(this.#from() - base, to - base));
    this.#released = to;
  }

  /** Offset of the first byte that is neither released nor redacted. */
  #from(): number {
    return Math.max(this.#released, this.#redactedTo);
  }
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [only = nothing] = pieces;
  return pieces.length <= 1 ? only : Buffer.concat(pieces);
}
