import { randomUUID } from 'node:crypto';
import { maxHeaderSize } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { ServiceError } from '../errors.ts';
import type { LogFields } from '../log/request-log.ts';
import { problemMediaType, toProblem } from './problem.ts';
import { problemHeaders } from './problem-replies.ts';

const details: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: `Headers are limited to ${maxHeaderSize} bytes.`,
  ERR_HTTP_REQUEST_TIMEOUT: 'The request was not sent in time.',
};

/**
 * For how long a refused connection is still read: closed with unread bytes, it would be reset, and the caller
 * would lose the answer (RFC 9112 §9.6).
 */
const lingerMs = 1_000;

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Answers bytes that are not HTTP, where Fastify's handlers are not reached, and writes their line of the log. */
export class BrokenHttp {
  readonly #proxyName: string | undefined;
  readonly #log: Logger;
  readonly #newest = new WeakMap<Duplex, Exchange>();
  readonly #refused = new WeakSet<Duplex>();

  /** `proxyName` is set where `Proxy-Status` (RFC 9209) goes with the answers. */
  constructor(proxyName: string | undefined, log: Logger) {
    this.#proxyName = proxyName;
    this.#log = log;
  }

  /** Remembers the newest request of a connection, which may be under way when it breaks. */
  watch(request: FastifyRequest, reply: FastifyReply): void {
    if (reply.raw.socket !== null) this.#newest.set(reply.raw.socket, { request, reply });
  }

  refuse(error: Error & { code?: string }, socket: Duplex): void {
    // What is still on its way behind the bytes that were refused is read, and breaks again.
    if (this.#refused.has(socket) && error.code !== 'ECONNRESET') return;
    const pending = this.#pendingOn(socket);
    // What breaks behind a request is no fault of it, and a second head would be read as a part of its answer.
    const isAnswering =
      pending !== undefined && (pending.request.raw.complete || pending.reply.raw.headersSent);
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering) {
      socket.destroy();
      return;
    }
    const detail = details[error.code ?? ''] ?? 'The bytes are not an HTTP/1.1 request.';
    const fault = new ServiceError('request_invalid', { reason: 'http', detail });
    const requestId = pending?.request.id ?? randomUUID();
    const bytes = this.#answer(socket, fault, requestId);
    if (pending === undefined) this.#logAlone(fault, requestId, bytes);
    // Its own line says why. Who ended in the middle has hung up.
    else if (error.code !== 'HPE_INVALID_EOF_STATE') {
      pending.request.logFields['error.reason'] = fault.options.reason;
    }
    this.#refused.add(socket);
    setTimeout(() => socket.destroy(), lingerMs).unref();
  }

  #pendingOn(socket: Duplex): Exchange | undefined {
    const newest = this.#newest.get(socket);
    return newest?.reply.raw.writableFinished ? undefined : newest;
  }

  /** Returns the bytes of the answer's body. */
  #answer(socket: Duplex, fault: ServiceError, requestId: string): number {
    const body = JSON.stringify(toProblem(fault, requestId));
    const bytes = Buffer.byteLength(body);
    const headers = {
      connection: 'close',
      'x-request-id': requestId,
      ...problemHeaders(this.#proxyName, fault),
      'content-type': problemMediaType,
      'content-length': String(bytes),
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 400 Bad Request\r\n${lines.join('')}\r\n${body}`);
    return bytes;
  }

  /** The line of a request whose head was not understood, so that there is little to say of it. */
  #logAlone(fault: ServiceError, requestId: string, bytes: number): void {
    const fields: Partial<LogFields> = {
      'url.template': 'none',
      'http.response.status_code': fault.status,
      'error.type': fault.code,
      'error.reason': fault.options.reason,
      'http.response.body.size': bytes,
    };
    this.#log.info({ request_id: requestId, ...fields }, 'request');
  }
}
