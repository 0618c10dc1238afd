import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { AnswerTarget } from '../upstream/answer-target.ts';

/** Marketplaces say at the start why they reject a token. */
const maxBytes = 16 * 1024;

/** The answer to a probe, which is read as far as needed, and passed on to nobody. */
export class ProbeAnswer extends Writable implements AnswerTarget {
  status: number | undefined;
  /** True for a page of HTML, which no API answers with. */
  isPage = false;
  headersSent = false;
  #chunks: Buffer[] = [];
  #bytes = 0;
  readonly #caller: ServerResponse;
  readonly #onCallerGone = () => void this.destroy();

  /** @param caller its connection ends the call, if it closes before the answer is complete */
  constructor(caller: ServerResponse) {
    super();
    this.#caller = caller;
    caller.once('close', this.#onCallerGone);
  }

  writeHead(status: number, headers: OutgoingHttpHeaders): this {
    this.status = status;
    this.isPage = /^\s*(?:text\/html|application\/xhtml\+xml)\b/i.test(
      `${headers['content-type']}`,
    );
    this.headersSent = true;
    return this;
  }

  flushHeaders(): void {}

  /** The caller's connection waits for the verdict alone. */
  setTimeout(): this {
    return this;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#bytes < maxBytes) this.#chunks.push(chunk.subarray(0, maxBytes - this.#bytes));
    this.#bytes += chunk.length;
    done();
    // The rest says nothing, and an upstream must not hold the call with it.
    if (this.#bytes > maxBytes) this.destroy();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#caller.off('close', this.#onCallerGone);
    done(error);
  }

  /** The start of the body as text; bytes that are no UTF-8 are replaced. */
  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

/**
 * A reply that looks as the caller's, and whose answer goes into another place.
 * @param elapsedTime milliseconds since its request came, the queue before the framework aside
 */
export function replyInto(
  reply: FastifyReply,
  answer: ProbeAnswer,
  elapsedTime = reply.elapsedTime,
): FastifyReply {
  return Object.create(reply, {
    raw: { value: answer },
    hijack: { value: () => undefined },
    elapsedTime: { value: elapsedTime },
  });
}
