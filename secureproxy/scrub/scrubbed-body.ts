import type { IncomingHttpHeaders } from 'node:http';
import type { AnswerBody, AnswerOutput } from '../http/answer-body.ts';
import { BodyDecoder } from './body-decoder.ts';
import type { BodyFilter } from './body-filter.ts';
import { type Coding, checkWhole, codingOf } from './content-codings.ts';
import type { Scrubber } from './scrubber.ts';

/** An answer's head, as the upstream sent it. */
export interface ReceivedHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Whether the call was a HEAD. */
  readonly isHead: boolean;
}

/** What tells of the very bytes of a body. */
const ofTheBytes = ['content-digest', 'repr-digest', 'digest', 'content-md5', 'etag'];

/** Answers that announce no more are collected and sent whole, with their length. */
const maxCollectedBytes = 64 * 1024;

/** Searches an answer, decoding it where need be. @throws ServiceError where it cannot be searched */
export function scrubbedBody(
  scrubber: Scrubber,
  { status, headers: received, isHead }: ReceivedHead,
  output: AnswerOutput,
): AnswerBody {
  const isEmpty = isHead || status === 204 || status === 304;
  const coding = isEmpty ? undefined : codingOf(received);
  if (!isEmpty) checkWhole(status, received);
  const scrubbed = scrubber.scrubHeaders(received);
  const headers = without(scrubbed.headers, ['accept-ranges', 'content-encoding']);
  const answer = {
    headers,
    headerRedactions: scrubbed.redactions,
    filter: scrubber.bodyFilter(),
    output,
  };
  if (isEmpty) return new StreamedBody(answer).begin();
  const length = Number(headers['content-length'] ?? Infinity);
  if (coding === undefined && length <= maxCollectedBytes) return new CollectedBody(answer);
  const changeable = { ...answer, headers: without(headers, ['content-length', ...ofTheBytes]) };
  if (coding !== undefined) return new DecodedBody(changeable, coding);
  return new StreamedBody(changeable).begin();
}

function without(headers: IncomingHttpHeaders, names: readonly string[]): IncomingHttpHeaders {
  if (!names.some((name) => name in headers)) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly headerRedactions: number;
  readonly filter: BodyFilter;
  readonly output: AnswerOutput;
}

class StreamedBody implements AnswerBody {
  readonly #answer: Answer;
  #isBegun = false;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  get redactions(): number {
    return this.#answer.headerRedactions + this.#answer.filter.redactions;
  }

  /** Sends the head, ahead of the first bytes that it would go out with at the latest. */
  begin(): this {
    const { headers, output } = this.#answer;
    if (!this.#isBegun) output.head(headers);
    this.#isBegun = true;
    return this;
  }

  write(chunk: Buffer): boolean {
    const bytes = this.#answer.filter.write(chunk);
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

/** The head waits for the first bytes to go out: what is broken from its start is a plain error. */
class DecodedBody implements AnswerBody {
  readonly #body: StreamedBody;
  readonly #decoder: BodyDecoder;

  constructor(answer: Answer, coding: Coding) {
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

class CollectedBody implements AnswerBody {
  readonly #answer: Answer;
  readonly #chunks: Buffer[] = [];

  constructor(answer: Answer) {
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
    const { headers, filter, output } = this.#answer;
    const [first, ...more] = this.#chunks;
    const bytes = filter.end(more.length === 0 ? first : Buffer.concat(this.#chunks));
    const isChanged = filter.redactions > 0;
    output.sendWhole(
      isChanged
        ? { ...without(headers, ofTheBytes), 'content-length': String(bytes.length) }
        : headers,
      bytes,
    );
  }

  drained(): void {}

  destroy(): void {}
}
