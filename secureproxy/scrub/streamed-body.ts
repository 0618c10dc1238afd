import type { IncomingHttpHeaders } from 'node:http';
import type { AnswerBody, AnswerOutput } from '../http/answer-body.ts';
import type { BodyFilter } from './body-filter.ts';
import { type CharsetSniffer, unsearchable } from './charsets.ts';

/** An answer whose headers have been redacted and whose body is filtered on its way to the caller. */
export interface FilteredAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly headerRedactions: number;
  readonly filter: BodyFilter;
  readonly sniffer: CharsetSniffer;
  readonly output: AnswerOutput;
}

export class StreamedBody implements AnswerBody {
  protected readonly answer: FilteredAnswer;
  #isBegun = false;

  constructor(answer: FilteredAnswer) {
    this.answer = answer;
  }

  get redactions(): number {
    return this.answer.headerRedactions + this.answer.filter.redactions;
  }

  begin(): this {
    const { headers, output } = this.answer;
    if (!this.#isBegun) output.head(headers);
    this.#isBegun = true;
    return this;
  }

  write(chunk: Buffer): boolean {
    const { filter, sniffer, output } = this.answer;
    if (sniffer.hides(chunk)) {
      output.fail(unsearchable());
      return false;
    }
    const bytes = filter.write(chunk);
    return bytes.length === 0 || this.begin().answer.output.write(bytes);
  }

  end(): void {
    const { filter, output } = this.begin().answer;
    const bytes = filter.end();
    if (bytes.length > 0) output.write(bytes);
    output.end();
  }

  drained(): void {
    this.answer.output.ready();
  }

  destroy(): void {}
}
