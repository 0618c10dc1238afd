import type { IncomingHttpHeaders } from 'node:http';
import type { AnswerBody, AnswerOutput } from '../http/answer-body.ts';
import { BodyDecoder } from './body-decoder.ts';
import type { BodyFilter } from './body-filter.ts';
import { type CharsetSniffer, unsearchable } from './charsets.ts';
import type { Coding } from './content-codings.ts';

/** An answer whose headers have been redacted and whose body is filtered on its way to the caller. */
export interface FilteredAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly headerRedactions: number;
  readonly filter: BodyFilter;
  readonly sniffer: CharsetSniffer;
  readonly output: AnswerOutput;
}

/** A body that is filtered chunk by chunk. */
export class StreamedBody implements AnswerBody {
  readonly #answer: FilteredAnswer;
  #isBegun = false;

  constructor(answer: FilteredAnswer) {
    this.#answer = answer;
  }

  get redactions(): number {
    return this.#answer.headerRedactions + this.#answer.filter.redactions;
  }

  /** Sends the head, unless it has been sent. */
  begin(): this {
    const { headers, output } = this.#answer;
    if (!this.#isBegun) output.head(headers);
    this.#isBegun = true;
    return this;
  }

  write(chunk: Buffer): boolean {
    const { filter, sniffer, output } = this.#answer;
    if (sniffer.hides(chunk)) {
      output.fail(unsearchable());
      return false;
    }
    const bytes = filter.write(chunk);
    return bytes.length === 0 || this.begin().#answer.output.write(bytes);
  }

  end(): void {
    const { filter, output } = this.begin().#answer;
    const bytes = filter.end();
    if (bytes.length > 0) output.write(bytes);
    output.end();
  }

  drained(): void {
    this.#answer.output.ready();
  }

  destroy(): void {}
}

/**
 * A body that is decoded, then filtered. The head waits for the first decoded bytes, so that a body
 * that is broken from its start can still be answered with an error.
 */
export class DecodedBody implements AnswerBody {
  readonly #body: StreamedBody;
  readonly #decoder: BodyDecoder;

  constructor(answer: FilteredAnswer, coding: Coding) {
    const { output } = answer;
    const body = new StreamedBody(answer);
    this.#body = body;
    this.#decoder = new BodyDecoder(coding, {
      write: (bytes) => body.write(bytes),
      end: () => body.end(),
      ready: () => output.ready(),
      fail: (error) => output.fail(error),
    });
  }

  get redactions(): number {
    return this.#body.redactions;
  }

  write(chunk: Buffer): boolean {
    return this.#decoder.write(chunk);
  }

  end(): void {
    this.#decoder.end();
  }

  drained(): void {
    this.#decoder.resume();
  }

  destroy(): void {
    this.#decoder.destroy();
  }
}
