import type { AnswerBody } from '../http/answer-body.ts';
import { byteHeaders, withoutHeaders } from './answer-headers.ts';
import { unsearchable } from './charsets.ts';
import type { FilteredAnswer } from './streamed-body.ts';

const nothing = Buffer.alloc(0);

/** A body that is collected and filtered at its end, so that it keeps a `Content-Length`. */
export class CollectedBody implements AnswerBody {
  readonly #answer: FilteredAnswer;
  readonly #chunks: Buffer[] = [];

  constructor(answer: FilteredAnswer) {
    this.#answer = answer;
  }

  get redactions(): number {
    return this.#answer.headerRedactions + this.#answer.filter.redactions;
  }

  write(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    return true;
  }

  end(): void {
    this.#answer.output.inNextBatch(() => this.#send());
  }

  #send(): void {
    const { headers, filter, sniffer, output } = this.#answer;
    const [first = nothing, ...more] = this.#chunks;
    const received = more.length === 0 ? first : Buffer.concat(this.#chunks);
    if (sniffer.hides(received)) {
      output.fail(unsearchable());
      return;
    }
    const bytes = filter.end(received);
    const isChanged = filter.redactions > 0;
    output.sendWhole(
      isChanged
        ? { ...withoutHeaders(headers, byteHeaders), 'content-length': String(bytes.length) }
        : headers,
      bytes,
    );
  }

  drained(): void {}

  destroy(): void {}
}
