import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** A shorter rest of a body is left to Node, which reads it and keeps the connection. */
const maxKeptBytes = 64 * 1024;
const lingerMs = 2000;
/** Maximum of a body that is read although it is too large. */
const maxLargeBytes = 32 * 1024 * 1024;
/** Less for other answers, such as 401: strangers could cause them at will. */
const maxLingerBytes = 4 * 1024 * 1024;
/** Maximum number of connections that are read on at once, since reading a flood costs CPU. */
const maxRead = 16;
/** The same of those that stay open unread: each takes a socket, but no CPU. */
const maxUnread = 256;

const lingering = { read: 0, unread: 0 };

/**
 * Prepares an answer that is given before the request's body was read: the connection will be closed after it,
 * but first read on, within limits. Closing it with unread bytes would reset it, and a caller that still sends
 * would lose the answer (RFC 9112 §9.6). A body that is too long for that is not read: the connection stays open
 * for a while, so that a caller that reads while it sends has the answer. Call it before the answer's head is written.
 */
export function closeAfterAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
): void {
  const { complete, socket } = request;
  if (complete || isShort(request)) return;
  const announced = Number(request.headers['content-length'] ?? 0);
  response.shouldKeepAlive = false;
  const endSoon = () => {
    const maxBytes = status === 413 ? maxLargeBytes : maxLingerBytes;
    const isRead = announced <= maxBytes;
    const isFull = isRead ? lingering.read >= maxRead : lingering.unread >= maxUnread;
    if (isFull) Socket.prototype.destroySoon.call(socket);
    else linger(socket, isRead ? maxBytes : 0);
  };
  // Node calls this once the answer is written.
  socket.destroySoon = endSoon;
}

/** True for a body that is read to its end even if the answer comes before it, so that the connection is kept. */
export function isShort({ headers }: IncomingMessage): boolean {
  const announced = Number(headers['content-length'] ?? 0);
  return announced <= maxKeptBytes && headers['transfer-encoding'] === undefined;
}

/** @param maxBytes 0: nothing is read */
function linger(socket: Socket, maxBytes: number): void {
  const kind = maxBytes > 0 ? 'read' : 'unread';
  lingering[kind] += 1;
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => {
    lingering[kind] -= 1;
    clearTimeout(timer);
  });
  // Parsing would cost CPU, and a request behind this one must not be served.
  for (const listener of socket.listeners('data')) socket.off('data', listener as () => void);
  if (maxBytes > 0) discard(socket, maxBytes);
  // A `readable` listener stops automatic reading, even if Node calls `resume`.
  else socket.on('readable', () => undefined);
  socket.end();
}

function discard(socket: Socket, maxBytes: number): void {
  let left = maxBytes;
  socket.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) socket.destroy();
  });
  socket.resume();
}
