import { type BodyFilter, Lookahead, redacted } from './body-filter.ts';
import type { PatternMatcher } from './pattern-matcher.ts';

/** Redacts every match of the patterns in a body; overlapping matches count as one. */
export class SecretFilter implements BodyFilter {
  redactions = 0;
  readonly #matcher: PatternMatcher;
  readonly #lookahead: Lookahead;
  /** Number of bytes still to come that belong to a match. */
  #covered = 0;

  constructor(matcher: PatternMatcher) {
    this.#matcher = matcher;
    this.#lookahead = new Lookahead(matcher.longest, (bytes, count) => this.#judge(bytes, count));
  }

  write(chunk: Buffer): Buffer {
    return this.#lookahead.write(chunk);
  }

  end(last?: Buffer): Buffer {
    return this.#lookahead.end(last);
  }

  #judge(bytes: Buffer, count: number): Buffer {
    const pieces: Buffer[] = [];
    let covered = this.#covered;
    let at = this.#matcher.find(bytes, 0, count);
    while (at >= 0) {
      if (at >= covered) {
        pieces.push(bytes.subarray(covered, at), redacted);
        this.redactions++;
      }
      covered = Math.max(covered, this.#matcher.end(bytes, at));
      at = this.#matcher.find(bytes, at + 1, count);
    }
    this.#covered = Math.max(0, covered - count);
    const rest = bytes.subarray(Math.min(covered, count), count);
    return pieces.length === 0 ? rest : Buffer.concat([...pieces, rest]);
  }
}
