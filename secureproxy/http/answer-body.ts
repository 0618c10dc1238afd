import type { IncomingHttpHeaders } from 'node:http';
import type { ServiceError } from '../../shared/errors.ts';

/** Where an answer's head and body go to, and who is told what. */
export interface AnswerOutput {
  /** Once, ahead of all else. The headers are the upstream's. */
  head(headers: IncomingHttpHeaders): void;
  /** False asks to wait until {@link AnswerBody.drained}. */
  write(bytes: Buffer): boolean;
  end(): void;
  /** Head, body and end at once, in place of {@link head}, {@link write} and {@link end}. */
  sendWhole(headers: IncomingHttpHeaders, bytes: Buffer): void;
  /** Calls back when other answers go out, too, unless this one has failed by then. */
  inTurn(send: () => void): void;
  /** Takes more again, after {@link AnswerBody.write} said no. */
  ready(): void;
  fail(error: ServiceError): void;
}

/** An answer's body on its way to the caller. */
export interface AnswerBody {
  /** How often something was taken out so far. */
  readonly redactions: number;
  /** False asks to wait until {@link AnswerOutput.ready}. */
  write(chunk: Buffer): boolean;
  /** All of it came. */
  end(): void;
  /** The caller has read what was written. */
  drained(): void;
  /** Nothing more will come or go. */
  destroy(): void;
}

/** A body that goes through as it is. */
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
