import { randomUUID } from 'node:crypto';
import { maxHeaderSize } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { ServiceError } from '../errors.ts';
import { type CountRequest, newLogFields } from '../log/request-log.ts';
import { problemMediaType, toProblem } from './problem.ts';
import { problemHeaders } from './problem-replies.ts';

const details: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: `Headers are limited to ${maxHeaderSize} bytes.`,
  HPE_INVALID_URL:
    'The request target is none: encode characters other than ASCII, such as é as %C3%A9.',
  ERR_HTTP_REQUEST_TIMEOUT: 'The request was not sent in time.',
  CONNECT:
    'CONNECT is for forward proxies, and this service is none: send requests to its own URL.',
};

/** The caller ended its side in the middle of a request: it has disconnected. */
const earlyEnd = 'HPE_INVALID_EOF_STATE';

/**
 * How long a rejected connection is still read. Closing it with unread bytes would reset it, and the caller
 * would lose the answer (RFC 9112 §9.6).
 */
const lingerMs = 1_000;

function httpFault(code = ''): ServiceError {
  const detail = details[code] ?? 'The bytes are not an HTTP/1.1 request.';
  return new ServiceError('request_invalid', { reason: 'http', detail });
}

/** For the log: a client that expects TLS cannot read the answer. */
function tlsFault(): ServiceError {
  const detail = 'The connection begins with TLS, but this port is plain: use http://.';
  return new ServiceError('request_invalid', { reason: 'tls_on_plain_port', detail });
}

/** True for the beginning of a TLS record of a handshake (RFC 8446 §5.1). */
function isClientHello(bytes: unknown): boolean {
  return Buffer.isBuffer(bytes) && bytes[0] === 0x16 && bytes[1] === 0x03;
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

const newest = Symbol('newest exchange');

declare module 'node:net' {
  interface Socket {
    /** On the socket itself: an entry in a weak map for each request costs more. */
    [newest]?: Exchange;
  }
}

/** Answers and logs bytes that are not HTTP, for which Fastify calls no handler. */
export class BrokenHttp {
  readonly #proxyName: string | undefined;
  readonly #log: Logger;
  readonly #count: CountRequest;
  readonly #rejected = new WeakSet<Duplex>();

  /** @param proxyName as for {@link problemHeaders} */
  constructor(proxyName: string | undefined, log: Logger, count: CountRequest) {
    this.#proxyName = proxyName;
    this.#log = log;
    this.#count = count;
  }

  /** Remembers the newest request of a connection, which may be in progress when the connection breaks. */
  watch(request: FastifyRequest, reply: FastifyReply): void {
    if (reply.raw.socket !== null) reply.raw.socket[newest] = { request, reply };
  }

  /** Answers `CONNECT`, on a connection that Node has let go: it would close it without a word. */
  rejectConnect(socket: Duplex): void {
    socket.on('error', () => socket.destroy()).resume();
    this.reject(Object.assign(new Error(), { code: 'CONNECT' }), socket);
  }

  reject(error: Error & { code?: string; rawPacket?: unknown }, socket: Duplex): void {
    // The bytes that follow rejected ones raise the error again.
    if (this.#rejected.has(socket) && error.code !== 'ECONNRESET') return;
    const pending = this.#pendingOn(socket);
    // A long upload takes its time.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && pending?.request.isBodyStreamed) return;
    const isGone = error.code === 'ECONNRESET' || !socket.writable;
    const isBehind = pending?.request.raw.complete && error.code !== earlyEnd;
    if (!isGone && isBehind) {
      // The complete request is answered first (RFC 9112 §9.3.2).
      this.#rejected.add(socket);
      pending.reply.raw.once('finish', () => {
        this.#rejected.delete(socket);
        if (socket.writable) this.reject(error, socket);
      });
      return;
    }
    // A second response head would be read as part of the answer.
    if (isGone || pending?.request.raw.complete || pending?.reply.raw.headersSent) {
      socket.destroy();
      return;
    }
    const isTls = pending === undefined && isClientHello(error.rawPacket);
    const fault = isTls ? tlsFault() : httpFault(error.code);
    const requestId = pending?.request.id ?? randomUUID();
    const bytes = this.#answer(socket, fault, requestId);
    if (pending === undefined) this.#logAlone(fault, requestId, bytes, socket);
    // The pending request's entry gets the reason, except for an early end, which is a disconnection.
    else if (error.code !== earlyEnd) {
      pending.request.logFields['error.reason'] = fault.options.reason;
    }
    this.#rejected.add(socket);
    setTimeout(() => socket.destroy(), lingerMs).unref();
  }

  #pendingOn(socket: Duplex): Exchange | undefined {
    const exchange = socket instanceof Socket ? socket[newest] : undefined;
    return exchange?.reply.raw.writableFinished ? undefined : exchange;
  }

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

  /** Writes the log entry of a request whose head could not be parsed, so most fields are unknown. */
  #logAlone(fault: ServiceError, requestId: string, bytes: number, socket: Duplex): void {
    const fields = {
      'url.template': 'none',
      'client.address': (socket instanceof Socket && socket.remoteAddress) || '',
      'http.response.status_code': fault.status,
      'error.type': fault.code,
      'error.reason': fault.options.reason,
      'http.response.body.size': bytes,
    };
    this.#log.info({ request_id: requestId, ...fields }, 'request');
    this.#count({ ...newLogFields(), ...fields });
  }
}
