import type { IncomingHttpHeaders } from 'node:http';
import type { ServiceError } from '../../shared/errors.ts';

/** Receives an answer's head and body. */
export interface AnswerOutput {
  /** Called once, before all others, with the upstream's headers. */
  head(headers: IncomingHttpHeaders): void;
  /** False: write no more until {@link AnswerBody.drained}. */
  write(bytes: Buffer): boolean;
  end(): void;
  /** Sends head, body and end at once; replaces {@link head}, {@link write} and {@link end}. */
  sendWhole(headers: IncomingHttpHeaders, bytes: Buffer): void;
  /** Calls back in the next batch of answers, unless this one has failed by then. */
  inNextBatch(send: () => void): void;
  /** {@link AnswerBody.write} may be called again after it returned false. */
  ready(): void;
  fail(error: ServiceError): void;
}

/** An answer's body on its way to the caller. */
export interface AnswerBody {
  readonly redactions: number;
  /** False: write no more until {@link AnswerOutput.ready}. */
  write(chunk: Buffer): boolean;
  end(): void;
  /** {@link AnswerOutput.write} may be called again after it returned false. */
  drained(): void;
  /** Releases resources; called at the end of every answer, complete or not. */
  destroy(): void;
}

export class PlainBody implements AnswerBody {
  readonly redactions = 0;
  readonly #output: AnswerOutput;

  constructor(headers: IncomingHttpHeaders, output: AnswerOutput) {
    this.#output = output;
    output.head(headers);
  }

  write(chunk: Buffer): boolean {
    return this.#output.write(chunk);
  }

  end(): void {
    this.#output.end();
  }

  drained(): void {
    this.#output.ready();
  }

  destroy(): void {}
}
