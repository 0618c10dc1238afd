import { byteHeaders, withoutHeaders } from './answer-headers.ts';
import { unsearchable } from './charsets.ts';
import { StreamedBody } from './streamed-body.ts';

const nothing = Buffer.alloc(0);

/** A body that is collected and filtered at its end, so that it keeps a `Content-Length`. */
export class CollectedBody extends StreamedBody {
  readonly #chunks: Buffer[] = [];

  override write(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    return true;
  }

  override end(): void {
    this.answer.output.inNextBatch(() => this.#send());
  }

  #send(): void {
    const { headers, filter, sniffer, output } = this.answer;
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

  override drained(): void {}
}
