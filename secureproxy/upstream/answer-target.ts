import type { OutgoingHttpHeaders } from 'node:http';
import type { Writable } from 'node:stream';

/** The receiver of an answer: the caller's connection, or a reader in this process. */
export interface AnswerTarget extends Writable {
  readonly headersSent: boolean;
  writeHead(status: number, headers: OutgoingHttpHeaders): unknown;
  flushHeaders(): void;
  /** Has `timeout` emitted after a pause of so many milliseconds; 0: never. */
  setTimeout(ms: number): unknown;
}
