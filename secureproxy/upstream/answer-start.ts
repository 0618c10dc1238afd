import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { errors } from 'undici';

const headEnd = '\r\n\r\n';
/** Offset of the status, behind `HTTP/1.1 `. */
const statusAt = 9;
const one = 0x31;
const [tab, lineFeed, space, colon] = [0x09, 0x0a, 0x20, 0x3a];
/** As undici limits a head. A longer one passes as it is, for undici to reject. */
const maxHeadBytes = 16 * 1024;
const empty = Buffer.alloc(0);

const watched = new WeakMap<object, AnswerStart>();
const stale = new WeakSet<Error>();

// undici tells the socket of each request right before it writes the head.
subscribe('undici:client:sendHeaders', (message) => {
  watched.get((message as { readonly socket: Socket }).socket)?.begin();
});

/** True if the connection had served a request before, and ended before any byte of this answer. */
export function isStale(error: Error): boolean {
  return stale.has(error);
}

/**
 * Prepares answers' heads for undici, which has one request at a time on the connection: drops
 * `100 Continue`, which undici takes for a fault, and the whitespace before a header's colon, which a
 * proxy must remove (RFC 9110 §15.2, RFC 9112 §5.1). Of an answer's body nothing is read or changed.
 */
export function withPreparedHeads(socket: Socket): Socket {
  const start = new AnswerStart();
  watched.set(socket, start);
  const read = socket.read.bind(socket);
  const readPrepared: Socket['read'] = (size) => {
    for (;;) {
      const chunk: Buffer | null = read(size);
      if (chunk === null || !start.isAwaited) return chunk;
      const rest = start.take(chunk);
      if (rest.length > 0) return rest;
    }
  };
  socket.read = readPrepared;
  return socket
    .prependListener('error', (error) => {
      if (start.isUntouched && isClosing(error)) stale.add(error);
    })
    .prependListener('end', () => {
      // The error that undici makes, but one that the listener above sees.
      if (start.isUntouched) socket.destroy(new errors.SocketError('other side closed'));
    });
}

/** Of a connection that the other side ended; a timeout is none. */
function isClosing({ code }: NodeJS.ErrnoException): boolean {
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}

/** The beginning of the answer to the last request on a connection. */
class AnswerStart {
  #requests = 0;
  #hasBytes = false;
  /** A head that is not complete yet. */
  #held: Buffer = empty;
  /** The head has not been passed on. */
  isAwaited = false;

  begin(): void {
    this.#requests += 1;
    this.#hasBytes = false;
    this.isAwaited = true;
  }

  /** True if the connection served earlier requests, and no byte came for this one. */
  get isUntouched(): boolean {
    return this.isAwaited && !this.#hasBytes && this.#requests > 1;
  }

  /** Returns the bytes for undici; none while a head that is to be dropped may be incomplete. */
  take(chunk: Buffer): Buffer {
    this.#hasBytes = true;
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = empty;
    const passed: Buffer[] = [];
    while (mayBeInterim(bytes)) {
      const end = bytes.indexOf(headEnd);
      if (end < 0 && bytes.length < maxHeadBytes) {
        this.#held = bytes;
        return join(passed);
      }
      const after = end < 0 ? bytes.length : end + headEnd.length;
      // Of the others undici learns that the upstream is still at work.
      if (end < 0 || !isContinue(bytes)) passed.push(bytes.subarray(0, after));
      bytes = bytes.subarray(after);
    }
    this.isAwaited = false;
    const rest = withoutSpaces(bytes);
    return passed.length === 0 ? rest : join([...passed, rest]);
  }
}

function join(parts: readonly Buffer[]): Buffer {
  const [first = empty] = parts;
  return parts.length > 1 ? Buffer.concat(parts) : first;
}

/** True for the beginning of an interim head; true for no bytes, too, since one may follow. */
function mayBeInterim(bytes: Buffer): boolean {
  if (bytes.length > statusAt && bytes[statusAt] !== one) return false;
  const start = bytes.toString('latin1', 0, statusAt + 1);
  return 'HTTP/1.1 1'.startsWith(start) || 'HTTP/1.0 1'.startsWith(start);
}

function isContinue(bytes: Buffer): boolean {
  return /^100[ \r]/.test(bytes.toString('latin1', statusAt, statusAt + 4));
}

/** Removes the whitespace before colons if the head is complete; undici rejects it otherwise. */
function withoutSpaces(bytes: Buffer): Buffer {
  if (!hasSpacedColon(bytes)) return bytes;
  const end = bytes.indexOf(headEnd);
  if (end < 0) return bytes;
  const head = bytes.toString('latin1', 0, end);
  const mended = head.replace(/(?<=\r\n[^\s:]+)[\t ]+(?=:)/g, '');
  return Buffer.concat([Buffer.from(mended, 'latin1'), bytes.subarray(end)]);
}

/** Whether there is one in the head, seen in one pass, since almost none has any. */
function hasSpacedColon(bytes: Buffer): boolean {
  let before = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === colon && (before === space || before === tab)) return true;
    // An empty line ends the head.
    if (byte === lineFeed && bytes[at - 2] === lineFeed) return false;
    before = byte;
  }
  return false;
}
