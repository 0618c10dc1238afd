import { randomUUID } from 'node:crypto';
import { maxHeaderSize, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { ServiceError } from './errors.ts';
import { problemMediaType, toProblem } from './problem.ts';

const details: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: `Headers are limited to ${maxHeaderSize} bytes.`,
  ERR_HTTP_REQUEST_TIMEOUT: 'The request was not sent in time.',
};

/**
 * For how long a refused connection is still read: closed with unread bytes, it would be reset, and the caller
 * would lose the answer (RFC 9112 §9.6).
 */
const lingerMs = 1_000;

/** Answers bytes that are not HTTP; there is no request yet, so Fastify's handlers are not reached. */
export class BrokenHttp {
  readonly #answers = new WeakMap<Duplex, ServerResponse>();
  readonly #refused = new WeakSet<Duplex>();

  /** Remembers the newest answer of a connection, which may be under way when it breaks. */
  watch(answer: ServerResponse): void {
    if (answer.socket !== null) this.#answers.set(answer.socket, answer);
  }

  refuse(error: Error & { code?: string }, socket: Duplex): void {
    // What is still on its way behind the bytes that were refused is read, and breaks again.
    if (this.#refused.has(socket) && error.code !== 'ECONNRESET') return;
    const answer = this.#answers.get(socket);
    // A second head would be read as a part of the answer that is under way.
    const isAnswering = answer?.headersSent === true && !answer.writableFinished;
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering) {
      socket.destroy();
      return;
    }
    const detail = details[error.code ?? ''] ?? 'The bytes are not an HTTP/1.1 request.';
    const fault = new ServiceError('request_invalid', { reason: 'http', detail });
    const body = JSON.stringify(toProblem(fault, randomUUID()));
    socket.end(
      `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: ${problemMediaType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    this.#refused.add(socket);
    setTimeout(() => socket.destroy(), lingerMs).unref();
  }
}
